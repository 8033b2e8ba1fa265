// Elements and lists of them. Whatever comes from others is only ever set as text, never as markup.
const TEXT_SHOWN = 1_000;

export const $ = (id) => document.getElementById(id);

export function make(tag, props = {}, ...children) {
  const { data = {}, aria = {}, ...own } = props;
  const element = Object.assign(document.createElement(tag), own);
  Object.assign(element.dataset, data);
  for (const [name, value] of Object.entries(aria)) element.setAttribute(`aria-${name}`, value);
  element.append(...children);
  return element;
}

export function clipped(text, limit = TEXT_SHOWN) {
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// A name among other words, which may run in the other direction.
export function isolated(name) {
  return make("bdi", { textContent: clipped(name, 80) });
}

export function button(label, action, props = {}) {
  const element = make("button", { type: "button", textContent: label, ...props });
  element.addEventListener("click", action);
  return element;
}

// The first letters of a name, in a colour of their own.
export function face(element, id, name) {
  const words = name.trim().split(/[\s._-]+/u).filter((word) => /^\p{L}/u.test(word));
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words;
  setText(element, letters.map((word) => [...word][0]).join("").toUpperCase() || "?");
  let hash = 7;
  for (const letter of id) hash = (hash * 31 + letter.codePointAt(0)) % 36_000;
  element.style.setProperty("--hue", String(hash % 360));
  return element;
}

// Brings a list in line with `keys`, keeping the rows that stay (and the focus in them).
export function drawList(list, keys, create, update) {
  const held = list.contains(document.activeElement) ? document.activeElement : null;
  const rows = new Map([...list.children].map((row) => [row.dataset.key, row]));
  let at = list.firstElementChild;
  for (const key of keys) {
    let row = rows.get(key);
    rows.delete(key);
    if (!row) {
      row = create(key);
      row.dataset.key = key;
    }
    update(row, key);
    if (row === at) at = at.nextElementSibling;
    else list.insertBefore(row, at);
  }
  for (const row of rows.values()) row.remove();
  if (held && document.activeElement !== held) {
    if (held.isConnected) held.focus();
    else list.closest("section").querySelector("h2").focus();
  }
}
