// Rooms: how many are in each, live; and in those that the user has joined, who, and what is said.
import { $, button, clipped, drawList, face, isolated, make, setText } from "./dom.js";
import { roster } from "./people.js";
import { refusalText, shownAs, text } from "./words.js";

const PREFIX = "room:";
const FIRST = "lobby";
const MOST_ROOMS = 24;
const MEMBERS_SHOWN = 24;
// How long what is said is shown: nobody keeps it.
const SAID_MS = 20_000;

let session = null;
// name → { room, isMember, stop, spoken }: what the user has said there, as long as it holds.
let rooms = new Map();

const topicOf = (name) => PREFIX + name;

// What the page says of its user in a room, where strangers see it too.
const own = () => ({ name: session.name });

export function begin(opened, remembered, more = []) {
  session = opened;
  const known = new Map((remembered ?? []).map(({ name, isMember }) => [text(name), isMember]));
  for (const name of [FIRST, ...more]) if (!known.has(name)) known.set(name, false);
  for (const [name, isMember] of known) if (name) add(name, isMember === true);
  draw();
}

export function end() {
  for (const { stop } of rooms.values()) stop();
  session = null;
  rooms = new Map();
  setText($("room-refused"), "");
  draw();
}

export function memory() {
  return [...rooms].map(([name, { isMember }]) => ({ name, isMember }));
}

// Looks into a room, or joins it.
function add(name, isMember) {
  const known = rooms.get(name);
  known?.stop();
  if (known) void known.room.leave();
  const options = isMember ? { presence: own() } : { observe: true, view: "count" };
  const room = session.adsum.join(topicOf(name), options);
  rooms.set(name, { room, isMember, stop: room.subscribe(() => changed(name)) });
}

function changed(name) {
  const known = rooms.get(name);
  const { state, code } = known.room.getSnapshot();
  if (state === "closed" && code !== "left") {
    // What could not be joined is looked into instead, if that may be, and says why.
    setText($("room-refused"), `${clipped(name, 40)}: ${refusalText(code)}`);
    known.stop();
    rooms.delete(name);
    if (known.isMember) add(name, false);
  }
  draw();
}

function join(name) {
  setText($("room-refused"), "");
  if (!rooms.has(name) && rooms.size >= MOST_ROOMS) {
    setText($("room-refused"), "That are as many rooms as this page shows.");
    return;
  }
  add(name, true);
  draw();
  const field = rowOf(name)?.querySelector("input");
  (field ?? $("rooms-title")).focus();
}

function leave(name) {
  add(name, false);
  draw();
  rowOf(name)?.querySelector("button").focus();
}

const rowOf = (name) => [...$("rooms").children].find((row) => row.dataset.key === name);

// ---- drawing ----------------------------------------------------------------------------------

function draw() {
  // Those that the user is in first; the others stay where they are while their counts change.
  const names = [...rooms.keys()];
  const sorted = [
    ...names.filter((name) => rooms.get(name).isMember),
    ...names.filter((name) => !rooms.get(name).isMember),
  ];
  drawList($("rooms"), sorted, create, update);
}

function create(name) {
  const heading = make("h3", { className: "name" }, isolated(name));
  const count = make("span", { className: "room-count" });
  const toggle = button("Join", () => (rooms.get(name).isMember ? leave(name) : join(name)));
  const words = make("input", {
    maxLength: 300, autocomplete: "off", placeholder: "Say something", dir: "auto",
  });
  words.setAttribute("aria-label", `Say something in ${clipped(name, 40)}`);
  const form = make("form", { className: "row" }, make("div", {}, words),
    make("button", { type: "submit", textContent: "Say" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void say(name, words);
  });
  const inside = make(
    "div", { className: "in-room", hidden: true },
    make("ul", { className: "members", ariaLabel: `In ${clipped(name, 40)}` }),
    make("p", { className: "hint more" }),
    make("ul", { className: "said", ariaLive: "polite", ariaLabel: "What is said" }),
    form,
    make("p", { className: "answer error", role: "alert" }),
  );
  return make("li", { className: "room" },
    make("div", { className: "title" }, heading, count, toggle), inside);
}

function update(row, name) {
  const { room, isMember, spoken } = rooms.get(name);
  const { state, count, members, said } = room.getSnapshot();
  const isKnown = state === "joined";
  row.dataset.state = state;
  setText(row.querySelector(".room-count"), isKnown ? `${count} here` : "…");
  const toggle = row.querySelector(".title button");
  setText(toggle, isMember ? "Leave" : "Join");
  toggle.setAttribute("aria-label", `${isMember ? "Leave" : "Join"} ${clipped(name, 40)}`);
  row.querySelector(".in-room").hidden = !isMember;
  if (!isMember) return;
  const shown = [...members.values()].slice(0, MEMBERS_SHOWN);
  drawList(row.querySelector(".members"), shown.map(({ id }) => id), memberItem, (item, id) =>
    updateMember(item, members.get(id)));
  const rest = count - shown.length;
  setText(row.querySelector(".more"), rest > 0 ? `and ${rest} more` : "");
  const lines = new Map(said.map((one) => [one.session, one]));
  if (spoken) lines.set("own", spoken);
  drawList(row.querySelector(".said"), lines.keys(), saidItem, (item, key) => {
    const { user, presence } = lines.get(key);
    const { words } = shownAs(presence);
    setText(item.firstElementChild, nameOf(user, members.get(user)));
    setText(item.lastElementChild, clipped(words, 300));
  });
}

const memberItem = () => make("li", { className: "member" },
  make("span", { className: "face", ariaHidden: "true" }), make("bdi"));

const saidItem = () => make("li", {}, make("bdi", { className: "by" }), ": ", make("bdi"));

function updateMember(item, person) {
  const name = nameOf(person.id, person);
  setText(item.querySelector("bdi"), clipped(name, 40));
  face(item.querySelector(".face"), person.id, name);
}

// Friends are called by their names. A stranger's name is their own word, and what is a friend's
// name it may not be.
function nameOf(id, person) {
  const { user } = session.adsum.status.getSnapshot();
  if (id === user) return "You";
  const known = roster.get(id);
  if (known) return known.name;
  const said = clipped(text(person?.presence?.name).trim(), 40);
  if (!said) return "Somebody";
  const isTaken = roster.of("friends").some(({ name }) => name === said) || said === "You";
  return isTaken ? `${said} (not your friend)` : said;
}

async function say(name, field) {
  const words = field.value.trim();
  if (!words) return;
  const answer = rowOf(name).querySelector(".answer");
  setText(answer, "");
  try {
    const known = rooms.get(name);
    await known.room.say({ text: words }, { for: SAID_MS });
    field.value = "";
    // Nobody is told what they say themselves.
    const { user } = session.adsum.status.getSnapshot();
    const spoken = { user, presence: { text: words } };
    known.spoken = spoken;
    draw();
    setTimeout(() => {
      if (known.spoken !== spoken) return;
      known.spoken = undefined;
      draw();
    }, SAID_MS);
  } catch ({ code }) {
    setText(answer, refusalText(code));
  }
}

export function start() {
  $("room-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = $("room-name").value.trim();
    if (!name) return;
    $("room-name").value = "";
    join(name);
  });
}
