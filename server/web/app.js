// The page: draws what `People` believes, sends what the forms say.
import { Link, NODES, ROSTER, TYPE, register, typeName } from "./tim.js";
import { People, SHOWS } from "./people.js";
import { button, clipped, drawList, make, setText } from "./dom.js";
import { refusalText } from "./words.js";

const FRAMES_KEPT = 200;
const FRAME_TEXT_SHOWN = 4_000;
// Several changes within this time are read out as one.
const NEWS_GATHERED_MS = 250;
const NEWS_READ_OUT = 3;
const NAMES_AT_ONCE = 100;
// Where an administrator's notices come from: no account has this id.
const SERVER = "@server";
// Kept by the browser for this tab alone, and gone with it: which session a reload goes on with.
const MEMORY = "adsum-session";

const $ = (id) => document.getElementById(id);
const people = new People();
const link = new Link({
  state: linkState, ready, refused, receive, frame: addFrame, invisible: () => mine.invisible,
});

let me = "";
let myNode = "";
let mine = { show: 0, status: "", invisible: false };
// From the login's ack to the end of what the server sends on its own: states then are not news.
let settling = false;
// Whether friends were told `mine` on this connection, and whether anybody chose it: until then the
// page starts from what it is told of its own session, or of the user's other devices.
let announced = false;
let chosen = false;
// Which lists have come since they were asked for, and whether to ask for them again.
let listed = { friends: false, blocked: false, asking: false, again: false };
let news = [];
let countdownTimer = 0;

// ---- drawing ---------------------------------------------------------------------------------

function draw() {
  drawPeople("requests", people.requests.keys(), requestRow, updateRequest);
  drawPeople("friends", people.friends, friendRow, updateFriend);
  drawPeople("blocked", people.blocked, blockedRow, () => {});
  $("requests-part").hidden = people.requests.size === 0;
  $("no-friends").hidden = people.friends.size > 0;
  $("no-blocked").hidden = people.blocked.size > 0;
  drawCount();
}

function drawPeople(id, nodes, create, update) {
  drawList($(id), people.sorted(nodes), (node) => create(node), (row, node) => {
    rename(row, node);
    update(row, node);
  });
}

function drawCount() {
  const total = people.friends.size;
  const count = total > 0 && people.connected ? `${people.online()} of ${total} here` : "";
  setText($("friends-count"), count);
}

// A name may become known after the row stands, and the buttons speak it.
function rename(row, node) {
  const name = clipped(people.name(node), 80);
  const heading = row.querySelector(".name bdi");
  if (heading.textContent === name) return;
  heading.textContent = name;
  for (const act of row.querySelectorAll("button")) {
    act.setAttribute("aria-label", `${act.textContent} ${name}`);
  }
}

function personRow(level, ...acts) {
  const heading = make(level, { className: "name" }, make("bdi"));
  const who = make("div", { className: "who" }, heading);
  return make("li", { className: "person" }, who, make("div", { className: "acts" }, ...acts));
}

function requestRow(node) {
  const row = personRow(
    "h4",
    button("Accept", node, () => accept(node)),
    button("Decline", node, () => roster(ROSTER.REMOVE, node)),
    button("Block", node, () => roster(ROSTER.BLOCK, node)),
  );
  row.querySelector(".who").append(make("p", { className: "words", dir: "auto" }));
  return row;
}

function updateRequest(row, node) {
  setText(row.querySelector(".words"), clipped(people.requests.get(node) ?? ""));
}

function friendRow(node) {
  const row = personRow(
    "h3",
    button("Remove", node, () => roster(ROSTER.REMOVE, node)),
    button("Block", node, () => roster(ROSTER.BLOCK, node)),
  );
  const mark = make("span", { className: "mark" });
  mark.setAttribute("aria-hidden", "true");
  row.prepend(mark);
  row.querySelector(".who").append(
    make("p", { className: "state" }),
    make("p", { className: "words", dir: "auto" }),
    make("ul", { className: "devices" }),
  );
  return row;
}

function updateFriend(row, node) {
  const state = people.state(node);
  row.dataset.state = state.kind;
  setText(row.querySelector(".state"), state.label);
  setText(row.querySelector(".words"), clipped(state.status));
  const devices = people.devices(node);
  const list = row.querySelector(".devices");
  list.setAttribute("aria-label", `Devices of ${clipped(people.name(node), 80)}`);
  const item = (device) => make("li", { textContent: deviceText(device, devices.length) });
  list.replaceChildren(...devices.map(item));
  list.hidden = devices.length === 0;
}

function deviceText(device, count) {
  // What a type's number means is the application's: it only tells devices apart that have no name.
  const name = clipped(device.resource, 80) || `an unnamed device (type ${device.termtyp})`;
  if (count === 1) return `on ${name}`;
  const status = device.status ? `, ${clipped(device.status, 80)}` : "";
  return `on ${name}: ${device.label}${status}`;
}

function blockedRow(node) {
  return personRow("h3", button("Unblock", node, () => roster(ROSTER.REMOVE, node)));
}

function drawSeenAs() {
  const show = SHOWS.find((known) => known.value === mine.show);
  const state = mine.status ? `${show.label}: ${mine.status}` : show.label;
  if (!people.connected) {
    setText($("seen-as"), "Friends do not see this page until it is connected again.");
  } else if (mine.invisible) {
    setText($("seen-as"), `Friends see you as offline. (Visible, you would be ${state})`);
  } else {
    setText($("seen-as"), `Friends see you as ${state}`);
  }
  $("invisible").checked = mine.invisible;
  const others = people.devices(myNode).filter((device) => device.resource !== link.resource);
  const item = (device) => make("li", { textContent: deviceText(device, 2) });
  $("own-devices").replaceChildren(...others.map(item));
  $("own-devices-part").hidden = others.length === 0;
}

function drawForm() {
  $("status").value = mine.status;
  for (const radio of document.querySelectorAll("#shows input")) {
    radio.checked = Number(radio.value) === mine.show;
  }
}

// ---- saying things ---------------------------------------------------------------------------

// A name among other words, which may run in the other direction.
function named(node) {
  return make("bdi", { textContent: clipped(people.name(node), 80) });
}

function say(...parts) {
  $("said").replaceChildren(...parts);
  setText($("refused"), "");
}

function complain(text) {
  setText($("refused"), text);
  setText($("said"), "");
}

function tellChange(node) {
  if (settling || !people.friends.has(node)) return;
  const state = people.state(node);
  const text = `${state.label}${state.status ? `, ${state.status}` : ""}`;
  if (news.length === 0) setTimeout(readNews, NEWS_GATHERED_MS);
  // Only a person's newest word is worth hearing.
  news = news.filter((item) => item.node !== node);
  news.push({ node, text: clipped(text, 200) });
}

function readNews() {
  const rest = news.length - NEWS_READ_OUT;
  const spoken = ({ node, text }) => [named(node), `: ${text}. `];
  const parts = news.slice(0, NEWS_READ_OUT).flatMap(spoken);
  if (rest > 0) parts.push(`and ${rest} more changes`);
  news = [];
  $("news").replaceChildren(...parts);
}

// ---- the connection --------------------------------------------------------------------------

function linkState(state, detail) {
  clearInterval(countdownTimer);
  $("link").dataset.state = state;
  $("retry").hidden = state !== "waiting";
  setText($("countdown"), "");
  if (state !== "ready") leaveTruth();
  if (state === "connecting" && detail === 0) setText($("link"), "Connecting");
  if (state === "ready") setText($("link"), detail ? "Connected again" : "Connected");
  if (state === "ready") remember();
  if (state === "closed") closedByServer(detail);
  if (state === "waiting") {
    setText($("link"), "Connection lost. Reconnecting");
    countDown(detail);
  }
}

// While there is no connection nothing is known of anybody, and the page says so.
function leaveTruth() {
  people.disconnected();
  settling = false;
  news = [];
  say("");
  draw();
  drawSeenAs();
}

function countDown(delay) {
  const until = Date.now() + delay;
  const left = () => Math.max(1, Math.ceil((until - Date.now()) / 1000));
  const tick = () => setText($("countdown"), `next try in ${left()} s`);
  tick();
  countdownTimer = setInterval(tick, 1000);
}

function closedByServer(reason) {
  leave();
  setText($("link"), "Not connected");
  const why = reason ? `: ${clipped(reason, 200)}` : ".";
  setText($("enter-error"), `The server ended this session${why}`);
}

function ready(ack) {
  const first = $("inside").hidden;
  me = link.memory.name ?? "";
  mine.invisible = ack.t2 === ROSTER.INVISIBLE;
  myNode = typeof ack.n === "string" ? ack.n : "";
  people.begin();
  settling = true;
  announced = false;
  listed = { friends: false, blocked: false, asking: false, again: false };
  setText($("me"), me);
  setText($("device"), link.resource);
  $("password").value = "";
  $("enter").hidden = true;
  $("inside").hidden = false;
  $("logout").hidden = false;
  document.title = `${me} – adsum`;
  if (first) $("you-title").focus();
  askRoster();
  link.fence(settled);
  draw();
  drawSeenAs();
}

function refused(error) {
  leave();
  setText($("link"), "Not connected");
  $("link").dataset.state = "none";
  setText($("enter-error"), refusalOfLogin(error));
}

function refusalOfLogin(error) {
  if (error.code === 4105) return "Wrong name or password.";
  // What a reload came back to is over.
  if (error.code === 4115) return "Your session is over. Log in again.";
  return refusalText(error);
}

function leave() {
  link.close();
  forget();
  people.clear();
  draw();
  mine = { show: 0, status: "", invisible: false };
  chosen = false;
  myNode = "";
  say("");
  $("news").textContent = "";
  $("frames").replaceChildren();
  $("state-form").reset();
  $("inside").hidden = true;
  $("enter").hidden = false;
  $("logout").hidden = true;
  $("retry").hidden = true;
  document.title = "adsum";
  $("name").focus();
}

function receive(type, body) {
  if (body === null) return;
  if (type === TYPE.PRESENCE) presence(body);
  if (type === TYPE.NODES) nodes(body);
  if (type === TYPE.MESSAGE) message(body);
  if (type === TYPE.ACK) acked(body);
}

// All that the server says of itself has come. Whoever went on with a session that says this
// already need not say it again.
function settled() {
  settling = false;
  chosen = true;
  if (!announced) publish();
  const total = people.friends.size;
  if (total > 0) $("news").textContent = `${people.online()} of ${total} friends are here`;
}

function presence(frame) {
  const from = frame.fromTid?.node;
  if (from === SERVER || from === undefined) {
    const words = typeof frame.status === "string" ? frame.status : "";
    if (words) say("Notice from the server: ", make("bdi", { textContent: clipped(words) }));
    return;
  }
  const node = people.presence(frame);
  if (node === null) return;
  if (node === myNode) {
    ownPresence(frame);
    return;
  }
  const row = [...$("friends").children].find((item) => item.dataset.node === node);
  if (!row) {
    // Perhaps a friend this page has not heard of yet, made on another device.
    if (frame.offline !== true && !people.blocked.has(node)) askRoster();
    return;
  }
  updateFriend(row, node);
  drawCount();
  tellChange(node);
}

// What this very session said before a reload, or what another device of the user's says.
function ownPresence(frame) {
  const isOver = frame.toTid?.extend?.ended !== undefined;
  const isThis = !isOver && frame.fromTid.resource === link.resource;
  const told = { ...mine, ...People.told(frame) };
  // What is repeated because another device is over says nothing new.
  if (settling && !chosen && !isOver) {
    mine = told;
    drawForm();
  }
  if (settling && isThis) announced = told.show === mine.show && told.status === mine.status;
  // Its own word goes before that of any other device.
  chosen ||= isThis;
  drawSeenAs();
}

function nodes(body) {
  const list = (body.nodelist ?? []).filter((node) => typeof node === "string");
  if (body.ntype === NODES.ROSTER) listCame("friends", list);
  if (body.ntype === NODES.BLOCKED) listCame("blocked", list);
  if (body.ntype === NODES.USER_INFO) people.learnNames(body.usermap);
}

// The server says what people are called; where it does not, their ids stand for them.
function withNames(nodes, then) {
  const unknown = people.unnamed(nodes);
  for (let at = 0; at < unknown.length; at += NAMES_AT_ONCE) {
    const nodelist = unknown.slice(at, at + NAMES_AT_ONCE);
    link.send(TYPE.NODES, { ntype: NODES.USER_INFO, nodelist });
  }
  if (unknown.length > 0) link.fence(then);
  else then();
}

function listCame(which, list) {
  listed[which] = true;
  people[which] = new Set(list);
  for (const node of list) people.requests.delete(node);
  draw();
  withNames(list, draw);
}

// A list that has not come by now is empty.
function listsDone() {
  if (!listed.friends) listCame("friends", []);
  if (!listed.blocked) listCame("blocked", []);
  const { again } = listed;
  listed = { friends: false, blocked: false, asking: false, again: false };
  if (again) askRoster();
}

function message(body) {
  const node = body.fromTid?.node;
  if (typeof node !== "string" || node === myNode) return;
  if (body.bnType === ROSTER.ADD) {
    people.requests.set(node, typeof body.dataString === "string" ? body.dataString : "");
    withNames([node], () => {
      draw();
      say(named(node), " asks to be your friend.");
    });
  } else if ([ROSTER.FRIEND, ROSTER.REMOVE, ROSTER.BLOCK].includes(body.bnType)) {
    people.requests.delete(node);
    askRoster();
    if (body.bnType === ROSTER.FRIEND) {
      withNames([node], () => say(named(node), " is your friend now."));
    }
  }
}

function acked(ack) {
  if (ack.ok === false) {
    // Without names there are still ids.
    if (ack.timType !== TYPE.NODES) complain(refusalText(ack.error));
    return;
  }
  if (ack.timType !== TYPE.BUSINESS) return;
  if (ack.t === ROSTER.INVISIBLE || ack.t === ROSTER.VISIBLE) {
    mine.invisible = ack.t === ROSTER.INVISIBLE;
    // What was said of the last word may be untrue from now on.
    say("");
    drawSeenAs();
  } else if (typeof ack.n === "string") {
    rosterChanged(ack.t, ack.n);
  }
}

function rosterChanged(what, node) {
  const asked = people.requests.delete(node);
  if (what === ROSTER.BLOCK) say(named(node), " is blocked.");
  else if (people.blocked.has(node)) say(named(node), " is not blocked any more.");
  else if (what === ROSTER.REMOVE && asked) say("What ", named(node), " asked is declined.");
  else if (what === ROSTER.REMOVE) say(named(node), " is removed.");
  askRoster();
}

// ---- doing things ----------------------------------------------------------------------------

// One question at a time, so that it is plain which answer belongs to it.
function askRoster() {
  if (listed.asking) {
    listed.again = true;
    return;
  }
  listed.asking = true;
  link.send(TYPE.BUSINESS, { rtype: ROSTER.LIST });
  link.send(TYPE.BUSINESS, { rtype: ROSTER.BLOCKED_LIST });
  link.fence(listsDone);
}

function roster(rtype, node) {
  if (!link.send(TYPE.BUSINESS, { rtype, node })) complain("Not connected: nothing was sent.");
}

// By an id, or by a name.
function add(node, words) {
  const sent = link.send(TYPE.BUSINESS, { rtype: ROSTER.ADD, node, reqStr: words });
  if (sent) askRoster();
  else complain("Not connected: nothing was sent.");
  return sent;
}

function accept(node) {
  if (!add(node, "yes")) return;
  say("");
  people.requests.delete(node);
  draw();
}

function publish() {
  // 1 is tim's "here I am", 4 its "my words have changed".
  const subStatus = announced ? 4 : 1;
  const sent = link.send(TYPE.BROAD_PRESENCE, { subStatus, show: mine.show, status: mine.status });
  announced ||= sent;
  return sent;
}

function sendVisibility() {
  return link.send(TYPE.BUSINESS, { rtype: mine.invisible ? ROSTER.INVISIBLE : ROSTER.VISIBLE });
}

function addFrame({ sent, type, text }) {
  if ($("pause").checked || (type === TYPE.PING && $("hide-pings").checked)) return;
  const time = new Date().toTimeString().slice(0, 8);
  const entry = make(
    "li", { className: sent ? "sent" : "received" },
    make("span", { className: "when", textContent: `${time} ${sent ? "sent" : "received"}` }),
    make("span", { className: "type", textContent: `${type} ${typeName(type)}` }),
    make("code", { textContent: clipped(text, FRAME_TEXT_SHOWN), dir: "ltr" }),
  );
  $("frames").prepend(entry);
  while ($("frames").childElementCount > FRAMES_KEPT) $("frames").lastElementChild.remove();
}

function enter() {
  me = $("name").value.trim();
  mine.invisible = $("enter-invisible").checked;
  setText($("enter-error"), "");
  link.open(me, $("password").value);
}

async function create() {
  if (!$("enter-form").reportValidity()) return;
  setText($("enter-error"), "");
  $("create").disabled = true;
  try {
    const ack = await register($("name").value.trim(), $("password").value, addFrame);
    if (ack.ok) enter();
    else setText($("enter-error"), refusalText(ack.error));
  } catch (error) {
    setText($("enter-error"), `The account could not be made: ${error.message}`);
  } finally {
    $("create").disabled = false;
  }
}

// Some browsers are told to keep nothing: then a reload is a new login.
function remember() {
  try {
    sessionStorage.setItem(MEMORY, JSON.stringify(link.memory));
  } catch { /* nothing is kept */ }
}

function forget() {
  try {
    sessionStorage.removeItem(MEMORY);
  } catch { /* nothing was kept */ }
}

// Goes on where an earlier load of this page was.
function goOn() {
  try {
    const memory = JSON.parse(sessionStorage.getItem(MEMORY));
    if (memory?.name && memory.resource && memory.secret) link.goOn(memory);
  } catch { /* nothing was kept */ }
}

function start() {
  for (const { value, kind, label } of SHOWS) {
    const radio = make("input", {
      type: "radio", name: "show", value: String(value), defaultChecked: value === 0,
    });
    const mark = make("span", { className: "mark" });
    mark.setAttribute("aria-hidden", "true");
    const choice = make("label", {}, radio, mark, label);
    choice.dataset.state = kind;
    $("shows").append(choice);
  }
  $("enter-form").addEventListener("submit", (event) => {
    event.preventDefault();
    enter();
  });
  $("create").addEventListener("click", create);
  $("logout").addEventListener("click", () => {
    leave();
    linkState("none");
    setText($("link"), "Logged out");
  });
  $("retry").addEventListener("click", () => link.retryNow());
  $("state-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    mine = { ...mine, show: Number(form.get("show")), status: String(form.get("status")).trim() };
    chosen = true;
    drawSeenAs();
    announced = publish();
    if (!announced) say("Not connected: this is told on the next connection.");
    else link.fence(() => say(mine.invisible ? "Kept until you are visible." : "Told."));
  });
  $("state-form").addEventListener("input", (event) => {
    if (event.target !== $("invisible")) say("Not told yet.");
  });
  $("invisible").addEventListener("change", (event) => {
    mine.invisible = event.target.checked;
    sendVisibility();
    drawSeenAs();
  });
  $("ask-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = $("ask").value.trim();
    if (!name || !add(name, `${me} would like to be friends.`)) return;
    say("Asked ", make("bdi", { textContent: clipped(name, 80) }), ".");
    event.target.reset();
  });
  $("clear").addEventListener("click", () => $("frames").replaceChildren());
  $("name").focus();
  goOn();
}

start();
