// Elements and lists of them. Whatever comes from others is only ever set as text, never as markup.
const TEXT_SHOWN = 1_000;

export function make(tag, props = {}, ...children) {
  const element = Object.assign(document.createElement(tag), props);
  element.append(...children);
  return element;
}

export function clipped(text, limit = TEXT_SHOWN) {
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function button(label, about, action) {
  const element = make("button", { type: "button", textContent: label });
  element.setAttribute("aria-label", `${label} ${about}`);
  element.addEventListener("click", action);
  return element;
}

// Brings a list in line with `nodes`, keeping the rows that stay (and the focus in them).
export function drawList(list, nodes, create, update) {
  const held = list.contains(document.activeElement) ? document.activeElement : null;
  const rows = new Map([...list.children].map((row) => [row.dataset.node, row]));
  let at = list.firstElementChild;
  for (const node of nodes) {
    let row = rows.get(node);
    rows.delete(node);
    if (!row) {
      row = create(node);
      row.dataset.node = node;
    }
    update(row, node);
    if (row === at) at = at.nextElementSibling;
    else list.insertBefore(row, at);
  }
  for (const row of rows.values()) row.remove();
  if (held && document.activeElement !== held) {
    if (held.isConnected) held.focus();
    else list.closest("section").querySelector("h2").focus();
  }
}
