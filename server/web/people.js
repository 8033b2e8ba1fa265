// The list of people: who is here first, who is not folded away, and what is done with them.
import { $, button, clipped, drawList, face, isolated, make, setText } from "./dom.js";
import { Roster } from "./roster.js";
import { Undoing } from "./undo.js";
import { refusalText, shownAs, stateLine, stateOf, untilWords } from "./words.js";

// Several changes within this time are read out as one.
const NEWS_GATHERED_MS = 250;
const NEWS_READ_OUT = 3;

export const roster = new Roster();
const undoing = new Undoing(draw);
let session = null;
let stops = [];
// What became of what was done in a row: id → text.
let answers = new Map();
let news = [];
// The state in which each friend was drawn last, to tell what is new.
let drawn = new Map();

// ---- with the server --------------------------------------------------------------------------

export function begin(opened) {
  session = opened;
  const { adsum } = session;
  stops = [
    adsum.contacts.subscribe(draw),
    // While there is no connection nothing is known of those who were offline, either.
    adsum.status.subscribe(draw),
    adsum.on("roster", (frame) => {
      roster.take(frame);
      if (frame.last) draw();
    }),
    adsum.on("relation", related),
  ];
}

export function end() {
  for (const stop of stops) stop();
  undoing.clear();
  [session, stops, answers, news, drawn] = [null, [], new Map(), [], new Map()];
  roster.clear();
  $("filter").value = "";
  $("ask-form").reset();
  for (const id of ["asked-said", "asked-refused", "news"]) $(id).replaceChildren();
  draw();
}

// Asks for all of the roster: on each connection, and when something was missed.
export function refresh() {
  session?.adsum.ask("roster").catch(() => {});
}

function related(frame) {
  if (frame.u === undefined) return refresh();
  const before = roster.change(frame)?.relation;
  answers.delete(frame.u);
  const { relation } = frame;
  const name = isolated(roster.nameOf(frame.u));
  if (relation === "asks") tell(name, " asks to be your friend.");
  if (relation === "friends" && before === "asked") tell(name, " is your friend now.");
  draw();
}

// ---- doing things -----------------------------------------------------------------------------

async function act(id, op, done) {
  answers.delete(id);
  try {
    await session.adsum.ask(op, { user: id });
    if (done) tell(...done);
  } catch ({ code, field }) {
    answers.set(id, refusalText(code, field));
    draw();
  }
}

function actLater(id, op, label) {
  undoing.begin(id, label, () => void act(id, op));
  tell(label, " You can undo it.");
  document.querySelector(`[data-undo="${CSS.escape(id)}"]`)?.focus();
}

async function ask(name) {
  setText($("asked-refused"), "");
  $("asked-said").replaceChildren();
  try {
    const words = `${session.name} would like to be friends.`;
    const { relation } = await session.adsum.ask("befriend", { user: name, text: words });
    const said = relation === "friends" ? [isolated(name), " is your friend now."]
      : ["Asked ", isolated(name), "."];
    $("asked-said").replaceChildren(...said);
    $("ask-form").reset();
  } catch ({ code, field }) {
    setText($("asked-refused"), refusalText(code, field));
  }
}

// ---- rows -------------------------------------------------------------------------------------

function row(id, level, ...acts) {
  const name = make(level, { className: "name" }, make("bdi"));
  return make(
    "li", { className: "person" },
    make("span", { className: "face", ariaHidden: "true" }),
    make("div", { className: "who" }, name, make("p", { className: "state" }),
      make("p", { className: "answer error", role: "alert" })),
    make("div", { className: "acts" }, ...acts),
    make(
      "div", { className: "undo", hidden: true }, make("p"),
      button("Undo", () => undo(id), { className: "primary" }),
      button("OK", () => finish(id), { title: "Do it now" }),
    ),
  );
}

// The buttons go; the focus stays nearby.
function undo(id) {
  const made = document.querySelector(`[data-undo="${CSS.escape(id)}"]`).closest("li");
  undoing.undo(id);
  made.querySelector(".acts").querySelector("button, summary").focus();
}

function finish(id) {
  undoing.finish(id);
  $("friends-title").focus();
}

// The buttons that are seldom needed, behind one.
function menu(...acts) {
  const summary = make("summary", { textContent: "⋯" });
  const part = make("details", { className: "menu" }, summary, make("div", {}, ...acts));
  part.addEventListener("focusout", ({ relatedTarget }) => {
    if (!part.contains(relatedTarget)) part.open = false;
  });
  part.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !part.open) return;
    part.open = false;
    summary.focus();
  });
  return part;
}

// A name within words; the marks around it keep it from reordering them.
const shorten = (id) => `\u2068${clipped(roster.nameOf(id), 40)}\u2069`;
const remove = (id) => button("Remove", () => {
  actLater(id, "unfriend", `${shorten(id)} is removed.`);
});
const block = (id) => button("Block", () => actLater(id, "block", `${shorten(id)} is blocked.`));

function friendRow(id) {
  const made = row(id, "h3", menu(remove(id), block(id)));
  made.querySelector(".who").append(make("ul", { className: "devices" }));
  return made;
}

function requestRow(id) {
  const accept = button("Accept", () => act(id, "befriend", [
    isolated(roster.nameOf(id)), " is your friend now.",
  ]), { className: "primary" });
  const decline = button("Decline", () => {
    actLater(id, "unfriend", `What ${shorten(id)} asked is declined.`);
  });
  return row(id, "h4", accept, decline, menu(block(id)));
}

const askedRow = (id) => row(id, "h3", button("Withdraw", () => act(id, "unfriend")));
const blockedRow = (id) => row(id, "h3", button("Unblock", () => act(id, "unfriend", [
  isolated(roster.nameOf(id)), " is not blocked any more.",
])));

// What all rows have: who it is, what came of it, and what can be undone.
function updateRow(made, person) {
  const { id, name } = person;
  const heading = made.querySelector(".name bdi");
  const short = clipped(name, 80);
  if (heading.textContent !== short) {
    heading.textContent = short;
    face(made.querySelector(".face"), id, name);
    for (const part of made.querySelectorAll("button, summary")) {
      const label = part.tagName === "SUMMARY" ? "More about" : part.textContent;
      part.setAttribute("aria-label", `${label} ${short}`);
    }
  }
  setText(made.querySelector(".answer"), answers.get(id) ?? "");
  const label = undoing.label(id);
  made.querySelector(".acts").hidden = label !== undefined;
  const undo = made.querySelector(".undo");
  undo.hidden = label === undefined;
  undo.querySelector("button").dataset.undo = id;
  setText(undo.querySelector("p"), label ?? "");
}

function updateFriend(made, person) {
  updateRow(made, person);
  const view = viewOf(person.id);
  const state = stateOf(view);
  made.dataset.state = state.kind;
  const line = made.querySelector(".state");
  const parts = [make("span", { className: "label", textContent: state.label })];
  const words = [state.emoji, state.words].filter(Boolean).join(" ");
  if (words) parts.push(make("bdi", { className: "words", textContent: clipped(words) }));
  const until = untilWords(state.until);
  if (until) parts.push(make("span", { className: "until", textContent: until }));
  const spoken = parts.map((part) => part.textContent).join("\n");
  if (line.dataset.spoken !== spoken) {
    line.dataset.spoken = spoken;
    line.replaceChildren(...parts);
  }
  drawDevices(made.querySelector(".devices"), view, person.name);
}

function drawDevices(list, { state, sessions }, name) {
  const shown = state === "online" && sessions.length > 1 ? sessions : [];
  list.setAttribute("aria-label", `Devices of ${clipped(name, 80)}`);
  list.hidden = shown.length === 0;
  drawList(list, shown.map(({ id }) => id), () => make("li"), (item, id) => {
    const { presence } = shown.find((session) => session.id === id);
    setText(item, clipped(deviceLine(presence), 200));
  });
}

export function deviceLine(presence) {
  const on = typeof presence?.on === "string" ? clipped(presence.on, 60) : "Another device";
  return `${on}: ${presence === undefined ? "shows nothing" : stateLine(shownAs(presence))}`;
}

function updateRequest(made, person) {
  updateRow(made, person);
  const line = made.querySelector(".state");
  if (line.textContent !== person.text) line.replaceChildren(isolatedWords(person.text));
}

const isolatedWords = (words) => make("bdi", { className: "words", textContent: clipped(words) });

// ---- drawing ----------------------------------------------------------------------------------

const viewOf = (id) =>
  session?.adsum.person(id).getSnapshot() ?? { state: "unknown", sessions: [] };

function draw() {
  const wanted = $("filter").value.trim().toLocaleLowerCase();
  const matches = ({ id, name }) => {
    if (!wanted) return true;
    const { words } = stateOf(viewOf(id));
    return `${name}\n${words}`.toLocaleLowerCase().includes(wanted);
  };
  const friends = roster.of("friends");
  // While nothing is certain, those who were here last stay where they are.
  const isHere = ({ id }) => viewOf(id).sessions.length > 0;
  const here = friends.filter(isHere);
  const gone = friends.filter((person) => !isHere(person));
  const rows = (id, people, create, update) => {
    drawList($(id), people.map((person) => person.id), create, (made, key) =>
      update(made, roster.get(key)));
  };
  const requests = roster.of("asks");
  rows("requests", requests, requestRow, updateRequest);
  $("requests-part").hidden = requests.length === 0;
  const [shown, away] = [here.filter(matches), gone.filter(matches)];
  rows("online", shown, friendRow, updateFriend);
  rows("offline", away, friendRow, updateFriend);
  part("offline", away.length, `(${away.length})`);
  if (wanted && away.length > 0) $("offline-part").open = true;
  for (const [id, create] of [["asked", askedRow], ["blocked", blockedRow]]) {
    const people = roster.of(id);
    rows(id, people, create, updateRow);
    part(id, people.length, `(${people.length})`);
  }
  $("no-friends").hidden = friends.length > 0;
  $("no-match").hidden = !wanted || friends.length === 0 || shown.length + away.length > 0;
  drawCount(here.length, friends);
  hearChanges(friends);
}

function part(id, count, words) {
  $(`${id}-part`).hidden = count === 0;
  setText($(`${id}-count`), words);
}

function drawCount(here, friends) {
  const isKnown = friends.some(({ id }) => viewOf(id).state !== "unknown");
  setText($("friends-count"), isKnown ? `${here} of ${friends.length} here` : "");
}

// ---- for who does not see it ------------------------------------------------------------------

function hearChanges(friends) {
  const states = new Map(friends.map(({ id }) => {
    const view = viewOf(id);
    return [id, view.state === "unknown" ? undefined : stateLine(stateOf(view))];
  }));
  for (const [id, line] of states) {
    const before = drawn.get(id);
    if (before !== undefined && line !== undefined && before !== line) {
      say(id, isolated(roster.nameOf(id)), `: ${clipped(line, 200)}. `);
    }
  }
  drawn = states;
}

function tell(...parts) {
  say(undefined, ...parts, " ");
}

function say(about, ...parts) {
  if (news.length === 0) setTimeout(readNews, NEWS_GATHERED_MS);
  // Only a person's newest word is worth hearing.
  news = news.filter((item) => about === undefined || item.about !== about);
  news.push({ about, parts });
}

function readNews() {
  const rest = news.length - NEWS_READ_OUT;
  const parts = news.slice(0, NEWS_READ_OUT).flatMap((item) => item.parts);
  if (rest > 0) parts.push(`and ${rest} more changes`);
  news = [];
  $("news").replaceChildren(...parts);
}

export function start() {
  $("filter").addEventListener("input", draw);
  $("ask-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = $("ask").value.trim();
    if (name) void ask(name);
  });
  // Moments pass by themselves.
  setInterval(() => session && draw(), 30_000);
}
