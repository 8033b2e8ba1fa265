// What this page believes of other people: folded from the server's frames, kept in memory only.

export const SHOWS = [
  { value: 0, kind: "here", label: "available" },
  { value: 1, kind: "chatting", label: "chatting" },
  { value: 2, kind: "away", label: "away" },
  { value: 3, kind: "extended", label: "extended away" },
  { value: 4, kind: "busy", label: "do not disturb" },
];
const OFFLINE = { kind: "offline", label: "offline", status: "" };
const UNKNOWN = { kind: "unknown", label: "not known while disconnected", status: "" };

// tim leaves `show` to its applications, so another client may mean something else by a number.
function meaning(show) {
  const other = { kind: "here", label: `available (show ${show})` };
  return SHOWS.find((known) => known.value === show) ?? other;
}

function text(value) {
  return typeof value === "string" ? value : "";
}

export class People {
  friends = new Set();
  blocked = new Set();
  // Who asked to be friends, with their words.
  requests = new Map();
  // What the server says people are called.
  #names = new Map();
  // node -> device key -> the device's newest presence, newest last.
  #devices = new Map();
  #connected = false;

  // A login's snapshot is the whole truth: nothing believed before it survives.
  begin() {
    this.#devices.clear();
    this.requests.clear();
    this.#connected = true;
  }

  disconnected() {
    this.#devices.clear();
    this.#connected = false;
  }

  clear() {
    this.friends.clear();
    this.blocked.clear();
    this.requests.clear();
    this.#names.clear();
    this.disconnected();
  }

  get connected() {
    return this.#connected;
  }

  name(node) {
    return this.#names.get(node) ?? node;
  }

  learnNames(usermap) {
    for (const [node, bean] of Object.entries(usermap ?? {})) {
      const name = text(bean?.name).trim();
      if (name) this.#names.set(node, name);
    }
  }

  unnamed(nodes) {
    return [...nodes].filter((node) => !this.#names.has(node));
  }

  sorted(nodes) {
    return [...nodes].sort((a, b) => this.name(a).localeCompare(this.name(b)) || (a < b ? -1 : 1));
  }

  // What a presence says, without who says it.
  static told(frame) {
    return { show: meaning(frame.show).value ?? 0, status: text(frame.status) };
  }

  // Returns the node it was about, or null if it was about nobody.
  presence(frame) {
    const from = frame.fromTid;
    if (!from || typeof from.node !== "string") return null;
    const devices = this.#devices.get(from.node) ?? new Map();
    if (frame.offline === true) {
      devices.clear();
    } else {
      // tim has no word for one of several devices that goes: the server shows another one again,
      // and says to the receiver whose place it takes.
      const ended = frame.toTid?.extend?.ended;
      for (const [key, device] of devices) if (device.resource === ended) devices.delete(key);
      this.#put(devices, from, frame);
    }
    if (devices.size > 0) this.#devices.set(from.node, devices);
    else this.#devices.delete(from.node);
    return from.node;
  }

  #put(devices, from, frame) {
    const resource = text(from.resource);
    const termtyp = Number.isInteger(from.termtyp) ? from.termtyp : 0;
    const key = `${termtyp} ${resource}`;
    const show = Number.isInteger(frame.show) ? frame.show : 0;
    // The newest is last: a map keeps the order in which keys came.
    devices.delete(key);
    devices.set(key, { resource, termtyp, ...meaning(show), status: text(frame.status) });
  }

  devices(node) {
    return [...(this.#devices.get(node)?.values() ?? [])];
  }

  // { kind, label, status } of the device that spoke last.
  state(node) {
    if (!this.#connected) return UNKNOWN;
    return this.devices(node).at(-1) ?? OFFLINE;
  }

  online() {
    return [...this.friends].filter((node) => this.#devices.has(node)).length;
  }
}
