// What can still be undone: it is done when some seconds are over, when the page is left, or when
// the user says so. A friendship that has ended cannot be brought back by one side alone, so it
// must not have ended yet.
const TIME_MS = 8_000;
// Whoever is at the button is not hurried.
const TIME_AT_BUTTON_MS = 30_000;

export class Undoing {
  // key → { label, act, timer, isOver }
  #waiting = new Map();
  #changed;

  constructor(changed) {
    this.#changed = changed;
    addEventListener("pagehide", () => this.finishAll());
  }

  // Begins to wait before `act`.
  begin(key, label, act) {
    this.finish(key);
    this.#waiting.set(key, { label, act, timer: setTimeout(() => this.#over(key), TIME_MS) });
    this.#changed();
  }

  // What waits there, in words.
  label(key) {
    return this.#waiting.get(key)?.label;
  }

  undo(key) {
    clearTimeout(this.#waiting.get(key)?.timer);
    this.#waiting.delete(key);
    this.#changed();
  }

  // Does it now.
  finish(key) {
    const waiting = this.#waiting.get(key);
    if (!waiting) return;
    clearTimeout(waiting.timer);
    this.#waiting.delete(key);
    waiting.act();
    this.#changed();
  }

  finishAll() {
    for (const key of [...this.#waiting.keys()]) this.finish(key);
  }

  clear() {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  #over(key) {
    const waiting = this.#waiting.get(key);
    const isHeld = document.activeElement?.dataset.undo === key;
    if (!isHeld || waiting.isOver) return this.finish(key);
    waiting.isOver = true;
    waiting.timer = setTimeout(() => this.#over(key), TIME_AT_BUTTON_MS);
  }
}
