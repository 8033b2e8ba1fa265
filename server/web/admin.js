// The page for administrators: all of it comes from the administrator's API, by its token.
import { $, button, clipped, drawList, make, setText } from "./dom.js";
import * as pulse from "./pulse.js";

const MEMORY = "adsum-admin";
const PAGE = 100;
// What was expelled or sent by mistake cannot be taken back: it is asked once more.
const SURE_MS = 4_000;
const COUNTS = [
  ["users", "users online"], ["sessions", "sessions"],
  ["detached", "of them without a connection, within their grace"],
  ["congested", "of them reading too slowly"], ["presences", "presences"],
  ["topics", "topics"], ["memberships", "memberships"], ["notices", "notices so far"],
  ["deliveries", "deliveries so far"],
];

let token = "";
let endPulse = null;
// id → { node, name, sessions }
let users = new Map();
let next = null;

async function ask(path, body) {
  const headers = { Authorization: `Bearer ${token}` };
  const options = body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers };
  const answer = await fetch(path, options);
  if (answer.status === 401) throw new Error("This is not the server's token.");
  const json = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(json.error ?? `The server answered ${answer.status}.`);
  return json;
}

// ---- in and out -------------------------------------------------------------------------------

async function enter(given) {
  token = given;
  setText($("door-error"), "");
  try {
    await load();
  } catch (error) {
    leave(error.message);
    return;
  }
  try {
    sessionStorage.setItem(MEMORY, token);
  } catch { /* the browser keeps nothing */ }
  $("door").hidden = true;
  $("inside").hidden = false;
  $("leave").hidden = false;
  $("token").value = "";
  const headers = { Authorization: `Bearer ${token}` };
  endPulse ??= pulse.begin($("pulse"), "admin/figures", { headers, told: drawFigures });
  $("users-title").focus();
}

function leave(why = "") {
  token = "";
  endPulse?.();
  [endPulse, users, next] = [null, new Map(), null];
  try {
    sessionStorage.removeItem(MEMORY);
  } catch { /* nothing was kept */ }
  drawUsers();
  $("inside").hidden = true;
  $("leave").hidden = true;
  $("door").hidden = false;
  setText($("door-error"), why);
  $("token").focus();
}

// ---- who is online ----------------------------------------------------------------------------

async function load(after) {
  const query = new URLSearchParams({ limit: String(PAGE), ...(after && { after }) });
  const page = await ask(`admin/online?${query}`);
  if (!after) users = new Map();
  for (const user of page.users) users.set(user.node, user);
  next = page.next;
  setText($("total"), `(${page.total})`);
  drawUsers();
}

async function tryTo(what, said, error) {
  setText($(error), "");
  setText($(said), "");
  try {
    setText($(said), (await what()) ?? "");
  } catch (failure) {
    setText($(error), failure.message);
  }
}

const inWords = (sessions) => (sessions === 1 ? "1 session" : `${sessions} sessions`);

function drawUsers() {
  drawList($("users"), users.keys(), create, (row, node) => {
    const { sessions } = users.get(node);
    setText(row.querySelector(".sessions"), inWords(sessions));
  });
  $("more").hidden = next === null;
}

function create(node) {
  const name = clipped(users.get(node).name ?? node, 80);
  const heading = make("bdi", { className: "name", textContent: name });
  const who = make("div", { className: "who" }, heading);
  if (users.get(node).name) who.append(make("code", { textContent: node }));
  const expel = sure("Expel", () => tryTo(async () => {
    const { sessions } = await ask("admin/expel", { node });
    users.delete(node);
    drawUsers();
    // The marks around the name keep it from reordering the words.
    return `\u2068${name}\u2069 is expelled: ${inWords(sessions)} ended.`;
  }, "users-said", "users-error"));
  expel.setAttribute("aria-label", `Expel ${name}`);
  return make("li", {}, who, make("span", { className: "sessions" }), expel);
}

// A button that wants to be pressed twice.
function sure(label, action) {
  let timer = 0;
  const calm = () => {
    clearTimeout(timer);
    timer = 0;
    setText(made, label);
  };
  const made = button(label, () => {
    if (timer) {
      calm();
      action();
      return;
    }
    setText(made, "Really?");
    timer = setTimeout(calm, SURE_MS);
  });
  return made;
}

// ---- figures ----------------------------------------------------------------------------------

function drawFigures(now) {
  table("topics", now.largest, (each) => each.topic, (each) => [each.topic, each.users]);
  table("nodes", now.nodes, (each) => each.node, (each) => [each.node, each.state, each.users]);
  $("nodes-table").hidden = now.nodes.length === 0;
  const counts = COUNTS.flatMap(([key, label]) => [
    make("dt", { textContent: label }),
    make("dd", { textContent: now[key].toLocaleString() }),
  ]);
  $("counts").replaceChildren(...counts);
}

function table(id, items, key, cells) {
  const known = new Map(items.map((item) => [key(item), item]));
  const cell = () => make("td", {}, make("bdi"));
  const row = (name) => make("tr", {}, ...cells(known.get(name)).map(cell));
  drawList($(id), known.keys(), row, (made, name) => {
    for (const [at, text] of cells(known.get(name)).entries()) {
      setText(made.children[at].firstElementChild, clipped(String(text), 128));
    }
  });
  $(`no-${id}`).hidden = items.length > 0;
}

// ---- the forms --------------------------------------------------------------------------------

function start() {
  $("door-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void enter($("token").value);
  });
  $("leave").addEventListener("click", () => leave());
  $("refresh").addEventListener("click", () => tryTo(() => load(), "users-said", "users-error"));
  $("more").addEventListener("click", () => tryTo(() => load(next), "users-said", "users-error"));
  $("notice-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void tryTo(async () => {
      const presence = { status: $("notice").value.trim() };
      const { delivered, skipped } = await ask("admin/presence", { all: true, presence });
      $("notice").value = "";
      const rest = skipped ? `, not to ${skipped} that do not read` : "";
      return `Told to ${delivered} sessions${rest}.`;
    }, "notice-said", "notice-error");
  });
  let kept = null;
  try {
    kept = sessionStorage.getItem(MEMORY);
  } catch { /* nothing is kept */ }
  if (kept) void enter(kept);
  else $("token").focus();
}

start();
