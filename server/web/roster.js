// Whom the user is friends with, asks, is asked by, and blocks: as the server tells it.
import { text } from "./words.js";

export const RELATIONS = ["friends", "asks", "asked", "blocked"];

export class Roster {
  name = "";
  // id → { id, name, relation, text, at }
  #people = new Map();
  // Those whom the roster names that is being told.
  #named = new Set();

  // Takes in a part of the whole.
  take({ name, first, last, entries }) {
    if (first) this.#named.clear();
    this.name = text(name) || this.name;
    for (const entry of Array.isArray(entries) ? entries : []) {
      this.#named.add(entry?.u);
      this.change(entry);
    }
    if (!last) return;
    for (const id of this.#people.keys()) if (!this.#named.has(id)) this.#people.delete(id);
  }

  // Takes in one change; returns what there was before.
  change(entry) {
    const { u: id, relation } = entry ?? {};
    if (typeof id !== "string") return undefined;
    const before = this.#people.get(id);
    if (RELATIONS.includes(relation)) {
      const name = text(entry.name) || before?.name || id;
      this.#people.set(id, { id, name, relation, text: text(entry.text), at: entry.at });
    } else {
      this.#people.delete(id);
    }
    return before;
  }

  clear() {
    this.#people.clear();
    this.name = "";
  }

  get(id) {
    return this.#people.get(id);
  }

  nameOf(id) {
    return this.#people.get(id)?.name ?? id;
  }

  // Those of one relation, by name.
  of(relation) {
    const all = [...this.#people.values()].filter((person) => person.relation === relation);
    return all.sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1));
  }
}
