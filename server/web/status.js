// What the user shows: the form, what friends see of it, and the user's own devices.
import { $, clipped, drawList, face, make, setText } from "./dom.js";
import { deviceLine } from "./people.js";
import { SHOWS, deviceName, refusalText, shownAs, stateLine, text } from "./words.js";

const EMOJI = ["💬", "🎧", "📞", "💻", "🍜", "🚶", "🏖️", "🤒"];
const MINUTE = 60_000;

const PLAIN = { show: "available", text: "", emoji: "", until: undefined };
let session = null;
let stops = [];
// What the form says, which is told as soon as it is said.
let mine = PLAIN;
// Whether anything has been said in this session, by this page or by the load before it.
let isSaid = false;
// Whether the user wants to be invisible, as long as the server has not answered that.
let wanted;
// Counts what is told: only the newest answer is of interest.
let told = 0;

export const shown = () => mine;

export function isHidden() {
  return wanted?.isHidden ?? session?.adsum.visibility.getSnapshot() === false;
}

function presence({ show, text: words, emoji, until }) {
  return {
    show,
    ...(words && { text: words }),
    ...(emoji && { emoji }),
    ...(until && { until }),
    on: deviceName(),
  };
}

function read(p) {
  const { words, emoji, until } = shownAs(p);
  const show = SHOWS.some(({ value }) => value === p?.show) ? p.show : "available";
  const isOver = until !== undefined && until <= Date.now();
  return isOver ? PLAIN : { show, text: words, emoji, until };
}

export function begin(opened, remembered) {
  session = opened;
  const { adsum } = session;
  if (remembered) mine = { ...PLAIN, ...read(remembered) };
  isSaid = false;
  stops = [
    adsum.devices.subscribe(drawDevices),
    adsum.visibility.subscribe(draw),
    adsum.status.subscribe(draw),
    adsum.on("system", notice),
  ];
  face($("own-face"), session.name, session.name);
  setText($("me"), session.name);
}

export function end() {
  for (const stop of stops) stop();
  [session, stops, mine, isSaid, wanted] = [null, [], PLAIN, false, undefined];
  for (const id of ["said", "refused"]) setText($(id), "");
  drawForm();
}

// What goes on with the session of the load before shows what that did; a new one what the page
// remembers, or what the user's other devices show: not something that nobody has chosen.
export function settled(remembered) {
  if (!session || isSaid) return draw();
  isSaid = true;
  const { adsum } = session;
  if (adsum.shown !== undefined) {
    mine = read(adsum.shown);
  } else {
    const others = adsum.devices.getSnapshot().filter(({ presence: p }) => p !== undefined);
    if (!remembered && others.length > 0) mine = read(others.at(-1).presence);
    // Nobody has asked for that, so nobody is told how it went.
    publish(true);
  }
  drawForm();
  draw();
}

function publish(isQuiet = false) {
  if (!session) return;
  const mark = ++told;
  const { until } = mine;
  const options = until ? { until, then: presence(PLAIN) } : {};
  if (!isQuiet) setText($("said"), "Telling…");
  setText($("refused"), "");
  session.adsum.publish(presence(mine), options).then(
    ({ waitsMs }) => {
      if (mark !== told) return;
      if (!isQuiet) setText($("said"), waitsMs ? "Told in a moment: that was often." : "Told.");
      draw();
    },
    ({ code }) => {
      if (mark !== told) return;
      setText($("said"), "");
      setText($("refused"), refusalText(code));
      draw();
    },
  );
  draw();
}

function change(more) {
  mine = { ...mine, ...more };
  publish();
}

function notice({ p }) {
  const words = typeof p === "string" ? p : text(p?.text);
  if (!words) return;
  const line = make("bdi", { textContent: clipped(words) });
  $("said").replaceChildren("Notice from the server: ", line);
}

// ---- drawing ----------------------------------------------------------------------------------

function draw() {
  if (!session) return;
  const { adsum } = session;
  const { phase } = adsum.status.getSnapshot();
  const isVisible = !isHidden();
  $("invisible").checked = !isVisible;
  // What the server has accepted; it says nothing of what was over by itself.
  const now = read(adsum.shown ?? presence(PLAIN));
  const line = stateLine(shownAs(presence(now)));
  $("own-face").dataset.state = isVisible ? shownAs(presence(now)).kind : "offline";
  if (phase !== "online") {
    setText($("seen-as"), "Friends are told when this page is connected again.");
  } else if (!isVisible) {
    setText($("seen-as"), `Friends see you as offline. Visible, you would be ${line}`);
  } else {
    setText($("seen-as"), `Friends see you as ${line}`);
  }
  drawDevices();
}

function drawDevices() {
  if (!session) return;
  const { adsum } = session;
  const own = adsum.status.getSnapshot().session;
  const others = adsum.devices.getSnapshot().filter(({ id }) => id !== own);
  const lines = new Map([["this", `This page: ${deviceName()}`]]);
  for (const { id, presence: p } of others) lines.set(id, deviceLine(p));
  drawList($("own-devices"), lines.keys(), () => make("li", { dir: "auto" }), (item, key) => {
    setText(item, clipped(lines.get(key), 200));
  });
  setText($("own-count"), `(${lines.size})`);
}

function drawForm() {
  if (document.activeElement !== $("status")) $("status").value = mine.text;
  for (const radio of document.querySelectorAll("#shows input")) {
    radio.checked = radio.value === mine.show;
  }
  for (const radio of document.querySelectorAll("#emoji input")) {
    radio.checked = radio.value === mine.emoji;
  }
  if (!mine.until) $("until").value = "";
}

// ---- the form ---------------------------------------------------------------------------------

function untilChosen() {
  const choice = $("until").value;
  if (choice === "day") return new Date().setHours(23, 59, 59, 0);
  return choice === "" ? undefined : Date.now() + Number(choice) * MINUTE;
}

function radio(name, value, label, props = {}) {
  const input = make("input", { type: "radio", name, value, ...props });
  return make("label", {}, input, ...label);
}

export function start() {
  // On a phone people come first: one's own form is there for who opens it.
  $("status-part").open = matchMedia("(min-width: 46rem)").matches;
  for (const { value, kind, label } of SHOWS) {
    const mark = make("span", { className: "mark", ariaHidden: "true" });
    const choice = radio("show", value, [mark, label], { defaultChecked: value === PLAIN.show });
    choice.dataset.state = kind;
    $("shows").append(choice);
  }
  const none = make("span", { textContent: "none" });
  $("emoji").append(radio("emoji", "", [none], { defaultChecked: true }));
  for (const value of EMOJI) $("emoji").append(radio("emoji", value, [value]));
  $("shows").addEventListener("change", ({ target }) => change({ show: target.value }));
  $("emoji").addEventListener("change", ({ target }) => change({ emoji: target.value }));
  $("until").addEventListener("change", () => change({ until: untilChosen() }));
  const setWords = () => {
    const words = $("status").value.trim();
    if (words !== mine.text) change({ text: words });
  };
  $("status").addEventListener("change", setWords);
  $("status").addEventListener("input", () => setText($("said"), "Not told yet: press Set."));
  $("state-form").addEventListener("submit", (event) => {
    event.preventDefault();
    change({ text: $("status").value.trim() });
  });
  $("clear-status").addEventListener("click", () => {
    mine = PLAIN;
    $("status").value = "";
    drawForm();
    publish();
  });
  $("invisible").addEventListener("change", async ({ target }) => {
    const { adsum } = session;
    const wish = { isHidden: target.checked };
    wanted = wish;
    try {
      await (wish.isHidden ? adsum.invisible() : adsum.visible());
    } catch ({ code }) {
      setText($("refused"), refusalText(code));
    }
    if (wanted === wish) wanted = undefined;
    draw();
  });
  // What ends by itself ends in the form too.
  setInterval(() => {
    if (!session || !mine.until || mine.until > Date.now()) return;
    mine = PLAIN;
    drawForm();
    draw();
  }, 1_000);
}
