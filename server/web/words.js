// What states, moments and refusals are called.
import { clipped } from "./dom.js";

export const SHOWS = [
  { value: "available", kind: "here", label: "Available" },
  { value: "chat", kind: "chatting", label: "Chatting" },
  { value: "away", kind: "away", label: "Away" },
  { value: "xa", kind: "extended", label: "Away for long" },
  { value: "busy", kind: "busy", label: "Busy" },
];
// Later than this no clock goes.
const LAST_MOMENT = 8.64e15;
const OFFLINE = { kind: "offline", label: "Offline" };
const UNKNOWN = { kind: "unknown", label: "Not known while disconnected" };

export const text = (value) => (typeof value === "string" ? value : "");

// What somebody shows, in words. Another client may show anything at all.
export function shownAs(p) {
  const show = p?.show ?? "available";
  const known = SHOWS.find(({ value }) => value === show);
  const other = { kind: "here", label: `Available (${clipped(String(show), 40)})` };
  const { kind, label } = known ?? other;
  const words = typeof p === "string" ? p : text(p?.text);
  const isMoment = Number.isFinite(p?.until) && Math.abs(p.until) <= LAST_MOMENT;
  const until = isMoment ? p.until : undefined;
  return { kind, label, words, emoji: [...text(p?.emoji)].slice(0, 8).join(""), until };
}

// What is so of a person: { kind, label, words, emoji, until }.
export function stateOf({ state, presence }) {
  const nothing = { words: "", emoji: "", until: undefined };
  if (state === "unknown") return { ...nothing, ...UNKNOWN };
  if (state === "offline") return { ...nothing, ...OFFLINE };
  return shownAs(presence);
}

export function untilWords(until, now = Date.now()) {
  if (until === undefined || until <= now) return "";
  const time = { hour: "2-digit", minute: "2-digit" };
  const isSoon = until - now < 20 * 3_600_000;
  const day = isSoon ? {} : { weekday: "short", day: "numeric", month: "short" };
  return `until ${new Intl.DateTimeFormat(undefined, { ...time, ...day }).format(until)}`;
}

// One line: "Busy: in a call, until 14:00".
export function stateLine({ label, words, emoji, until }) {
  const said = [emoji, words].filter(Boolean).join(" ");
  return [said ? `${label}: ${said}` : label, untilWords(until)].filter(Boolean).join(", ");
}

const REFUSALS = {
  taken: "That name is taken.",
  unauthorized: "Wrong name or password.",
  invalid: "That cannot be.",
  unknown_user: "There is nobody of that name.",
  nothing_to_do: "That is so already.",
  relation_limit: "One of you has as many friends, or requests, as allowed.",
  forbidden: "This server does not offer that.",
  too_big: "That is too long.",
  session_limit: "Too many devices of this account.",
  member_limit: "This room is full.",
  topic_limit: "You are in as many rooms as allowed.",
  rate: "Too fast: the server asks for patience.",
  busy: "The server has too much to do. Try again in a moment.",
  shutdown: "The server is stopping. Try again in a moment.",
  overload: "The server has too much to do. Try again in a moment.",
  unavailable: "The server's database failed.",
  disconnected: "The connection was lost: it may not have been done.",
  queue_full: "Not connected: nothing was sent.",
  evicted: "Another device took this one's place.",
  expelled: "An administrator ended it.",
  replaced: "It goes on in another tab.",
};

export function refusalText(code, field) {
  if (code === "invalid" && field === "name") return "Nobody can have that name.";
  if (code === "invalid" && field === "user") return "That is you.";
  return REFUSALS[code] ?? `The server refused (${clipped(String(code), 40)}).`;
}

// What this browser and machine are called, for the user's own other devices.
export function deviceName(agent = navigator.userAgent) {
  const first = (names) => names.find(([mark]) => agent.includes(mark))?.[1];
  const browser = first([
    ["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"],
    ["Safari/", "Safari"],
  ]);
  const system = first([
    ["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Mac OS", "macOS"],
    ["Windows", "Windows"], ["Linux", "Linux"],
  ]);
  return [browser ?? "A browser", system].filter(Boolean).join(" on ");
}
