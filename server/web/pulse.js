// Draws what happens on a server, as it happens: a line of the last minute for each figure.
import { make, setText } from "./dom.js";

const EVERY_MS = 1_000;
const KEPT = 60;
const FEW = 12;
const [WIDTH, HEIGHT] = [240, 48];
const NS = "http://www.w3.org/2000/svg";

const FIGURES = [
  { id: "online", label: "people online", of: ({ users }) => users },
  { id: "notices", label: "notices a second", of: rate("notices") },
  { id: "deliveries", label: "deliveries a second", of: rate("deliveries") },
  { id: "fan-out", label: "receivers of a notice", of: fanOut },
];

function rate(name) {
  return (now, before) => before && (1_000 * (now[name] - before[name])) / (now.at - before.at);
}

function fanOut(now, before) {
  const notices = before && now.notices - before.notices;
  return notices > 0 ? (now.deliveries - before.deliveries) / notices : undefined;
}

const isPlain = (value) => value >= 10 || Number.isInteger(value);
const shorten = (value) => (isPlain(value) ? String(Math.round(value)) : value.toFixed(1));

function svg(tag, attributes) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function figure({ id, label }) {
  const value = make("span", { className: "value", textContent: "–" });
  const picture = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true",
  });
  const [area, line] = [svg("path", { class: "area" }), svg("path", { class: "line" })];
  picture.append(area, line);
  const element = make(
    "div", { className: "figure", data: { figure: id } },
    make("p", {}, value, " ", make("span", { className: "what", textContent: label })), picture,
  );
  return { element, value, area, line, values: [] };
}

function draw(part, value) {
  if (value === undefined) return;
  part.values.push(value);
  if (part.values.length > KEPT) part.values.shift();
  setText(part.value, shorten(value));
  const { values } = part;
  const most = Math.max(...values, 1);
  // People are many and change little: their line shows by how much.
  const least = Math.min(...values) > most / 2 ? Math.min(...values) * 0.96 : 0;
  const y = (one) => HEIGHT - 3 - ((one - least) / (most - least || 1)) * (HEIGHT - 8);
  // The first seconds are drawn wider, so that there is something to see.
  const columns = Math.max(values.length, FEW);
  const x = (at) => WIDTH - (values.length - 1 - at) * (WIDTH / (columns - 1));
  const points = values.map((one, at) => `${x(at).toFixed(1)},${y(one).toFixed(1)}`);
  part.line.setAttribute("d", `M${points.join("L")}`);
  const ends = [`${x(values.length - 1)},${HEIGHT}`, `${x(0)},${HEIGHT}`];
  part.area.setAttribute("d", `M${[...points, ...ends].join("L")}Z`);
}

// Asks each second what there is, for as long as the page is seen. `told` is given each answer.
export function begin(place, address, { headers, told } = {}) {
  const parts = FIGURES.map((each) => ({ ...each, ...figure(each) }));
  place.append(...parts.map(({ element }) => element));
  place.hidden = false;
  let before;
  let isOver = false;
  const ask = async () => {
    try {
      if (document.hidden) return;
      const answer = await fetch(address, { headers });
      if (!answer.ok) throw new Error(String(answer.status));
      const now = await answer.json();
      // A server that was started anew counts anew.
      if (before && now.deliveries < before.deliveries) before = undefined;
      for (const part of parts) draw(part, part.of(now, before));
      before = now;
      told?.(now);
    } catch {
      before = undefined;
    } finally {
      if (!isOver) setTimeout(ask, EVERY_MS);
    }
  };
  void ask();
  return () => {
    isOver = true;
    for (const { element } of parts) element.remove();
  };
}
