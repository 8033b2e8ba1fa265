// The page: who is logged in here, and the parts of which it is made.
import { $, clipped, setText } from "./dom.js";
import * as frames from "./frames.js";
import * as people from "./people.js";
import * as pulse from "./pulse.js";
import * as rooms from "./rooms.js";
import { forget, open, recall } from "./session.js";
import * as status from "./status.js";
import { refusalText } from "./words.js";

let session = null;
// What the load before this one has left, until the session has gone on with it.
let remembered = null;
let demo = null;
let isAgain = false;
// Whether the page is being left: what becomes of the connection then is no news.
let isLeaving = false;
let countdownTimer = 0;

// ---- in and out -------------------------------------------------------------------------------

function enter(login, kept = null) {
  remembered = kept;
  isAgain = false;
  setText($("enter-error"), "");
  setText($("guest-error"), "");
  session = open(login, {
    status: statusChanged,
    welcome: welcomed,
    refused: ({ code, field }) => leave(refusalText(code, field)),
    failed: () => {},
    frame: frames.add,
  });
}

function welcomed() {
  people.refresh();
  if (!$("inside").hidden) return;
  people.begin(session);
  people.refresh();
  status.begin(session, remembered?.p);
  rooms.begin(session, remembered?.rooms, demo?.rooms);
  $("password").value = "";
  $("enter").hidden = true;
  $("inside").hidden = false;
  $("logout").hidden = false;
  document.title = `${session.name} – adsum`;
  $("you-title").focus();
}

function leave(why = "") {
  const { adsum } = session;
  session = null;
  adsum.close();
  forget();
  for (const part of [people, status, rooms]) part.end();
  frames.clear();
  $("inside").hidden = true;
  $("enter").hidden = false;
  for (const id of ["logout", "retry"]) $(id).hidden = true;
  document.title = "adsum";
  clearInterval(countdownTimer);
  setText($("countdown"), "");
  $("link").dataset.state = "none";
  setText($("link"), why ? "Not connected" : "Logged out");
  setText($("enter-error"), why);
  (demo ? $("guest") : $("name")).focus();
}

// ---- the connection ---------------------------------------------------------------------------

function statusChanged({ phase, code, retryAt }) {
  if (!session || isLeaving) return;
  clearInterval(countdownTimer);
  setText($("countdown"), "");
  $("retry").hidden = phase !== "waiting";
  $("link").dataset.state = phase;
  if (phase === "connecting" && !isAgain) setText($("link"), "Connecting");
  if (phase === "online") {
    setText($("link"), isAgain ? "Connected again" : "Connected");
    isAgain = true;
    // After the parts have begun, if all came at once.
    queueMicrotask(() => status.settled(remembered?.p));
  }
  if (phase === "waiting") waiting(code, retryAt);
  if (phase === "closed") closed(code);
}

function waiting(code, retryAt) {
  if (!session.isIn) {
    // Nobody is in yet, who would wait for it; but there may be another token.
    if (code === "unauthorized") return;
    const isSilent = code === "lost";
    leave(isSilent ? "The server does not answer. Is it running?" : refusalText(code));
    return;
  }
  setText($("link"), "Connection lost. Reconnecting");
  const left = () => Math.max(1, Math.ceil((retryAt - Date.now()) / 1_000));
  const tick = () => setText($("countdown"), `next try in ${left()} s`);
  tick();
  countdownTimer = setInterval(tick, 1_000);
}

function closed(code) {
  if (!session.isIn || code === "unauthorized") leave("Your session is over. Log in again.");
  else leave(`The server ended this session: ${clipped(refusalText(code), 200)}`);
}

// ---- the forms --------------------------------------------------------------------------------

function fromForm(more) {
  const name = $("name").value.trim();
  const invisible = $("enter-invisible").checked;
  return { name, password: $("password").value, invisible, ...more };
}

async function enterAsGuest() {
  $("guest").disabled = true;
  setText($("guest-error"), "");
  try {
    const answer = await fetch("demo/guest", { method: "POST" });
    if (!answer.ok) throw new Error(answer.status === 429 ? "as many guests as may be" : "no");
    const { name, token } = await answer.json();
    enter({ name, tokens: [token] });
  } catch {
    setText($("guest-error"), "The server lets no guest in now. Try again in a moment.");
  } finally {
    $("guest").disabled = false;
  }
}

// A server that demonstrates says so in its page.
async function lookForDemo() {
  if (!document.documentElement.dataset.demo) return;
  const answer = await fetch("demo/about");
  demo = await answer.json();
  setText($("demo-people"), String(demo.people));
  $("demo-part").hidden = false;
  pulse.begin($("pulse"), "demo/pulse");
}

function memory() {
  return { p: status.shown(), rooms: rooms.memory(), invisible: status.isHidden() };
}

function keep() {
  isLeaving = true;
  // Before one is in there is only what the load before has left.
  const isBegun = session && !$("inside").hidden;
  const { p, rooms: known, invisible } = remembered ?? {};
  session?.keep(isBegun ? memory() : { p, rooms: known, invisible });
}

// The browser has kept the page as it was, and shows it again.
function back() {
  isLeaving = false;
  recall();
}

function start() {
  for (const part of [people, status, rooms, frames]) part.start();
  $("enter-form").addEventListener("submit", (event) => {
    event.preventDefault();
    enter(fromForm());
  });
  $("create").addEventListener("click", () => {
    if ($("enter-form").reportValidity()) enter(fromForm({ register: true }));
  });
  $("guest").addEventListener("click", enterAsGuest);
  $("logout").addEventListener("click", () => leave());
  $("retry").addEventListener("click", () => session?.adsum.reconnect());
  addEventListener("pagehide", keep);
  addEventListener("pageshow", ({ persisted }) => persisted && back());
  // Whoever uses the page is there.
  for (const event of ["keydown", "pointerdown"]) {
    addEventListener(event, () => session?.isIn && session.adsum.active(), { passive: true });
  }
  const kept = recall();
  lookForDemo().finally(() => {
    if (kept) enter(kept, kept);
    else (demo ? $("guest") : $("name")).focus();
    document.documentElement.dataset.ready = "";
  });
}

start();
