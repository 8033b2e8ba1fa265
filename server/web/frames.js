// The frames as they go and come, folded away until somebody looks.
import { $, clipped, make } from "./dom.js";

const KEPT = 200;
const TEXT_SHOWN = 4_000;
const SECRETS = new Set(["password", "token", "resume"]);

// Those that have come since the part was looked at last, the newest first.
let frames = [];

const hide = (key, value) => (SECRETS.has(key) && value ? "…" : value);

const isPing = ({ frame }) =>
  frame?.op === "ping" || (frame?.op === "ok" && Object.keys(frame).length === 1);

export function add(direction, frame) {
  if ($("pause").checked) return;
  frames.unshift({ direction, frame, at: new Date() });
  frames.length = Math.min(frames.length, KEPT);
  if ($("frames-part").open) show();
}

export function clear() {
  frames = [];
  $("frames").replaceChildren();
}

function show() {
  const hidesPings = $("hide-pings").checked;
  const fresh = frames.filter((entry) => !hidesPings || !isPing(entry)).map(item);
  frames = [];
  $("frames").prepend(...fresh);
  while ($("frames").childElementCount > KEPT) $("frames").lastElementChild.remove();
}

function item({ direction, frame, at }) {
  const isSent = direction === ">";
  const time = at.toTimeString().slice(0, 8);
  const ops = [frame].flat().map((one) => one?.op ?? "?").join(", ");
  const text = JSON.stringify(frame, hide);
  return make(
    "li", { className: isSent ? "sent" : "received" },
    make("span", { className: "when", textContent: `${time} ${isSent ? "sent" : "received"}` }),
    make("span", { className: "type", textContent: ops }),
    make("code", { textContent: clipped(text, TEXT_SHOWN), dir: "ltr" }),
  );
}

export function start() {
  $("frames-part").addEventListener("toggle", () => $("frames-part").open && show());
  $("clear").addEventListener("click", clear);
}
