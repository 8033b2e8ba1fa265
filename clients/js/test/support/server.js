// A server that says what a test has it say.

import assert from "node:assert/strict";
import { once } from "node:events";
import { WebSocket as Ws, WebSocketServer } from "ws";
import { connect } from "../../dist/index.js";

/** Node's own from 22 on. */
const WebSocket = globalThis.WebSocket ?? Ws;

/** Starts a server for a test. */
export async function serve(t) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, path: "/v1" });
  await once(server, "listening");
  const peers = queue();
  server.on("connection", (socket) => peers.add(new Peer(socket)));
  const [clients, closed] = [[], []];
  class Socket extends WebSocket {
    constructor(...given) {
      super(...given);
      closed.push(new Promise((resolve) => this.addEventListener("close", resolve)));
    }
  }
  // Nothing of a test is left when the next one begins.
  t.after(async () => {
    for (const adsum of clients) adsum.close();
    for (const socket of server.clients) socket.terminate();
    server.close();
    await Promise.all(closed);
  });
  const url = `ws://127.0.0.1:${server.address().port}/v1`;
  return {
    url,
    /** The next connection. */
    accept: () => peers.next(),
    /** A client of this server, that comes back at once. */
    client(options = {}) {
      const own = { WebSocket: Socket, storage: null, token: "TOKEN" };
      const adsum = connect(url, { ...own, minBackoffMs: 1, maxBackoffMs: 1, ...options });
      clients.push(adsum);
      return adsum;
    },
  };
}

/** The server's end of one connection. */
class Peer {
  #frames = queue();
  /** The code with which the client closes. */
  closed;

  constructor(socket) {
    this.socket = socket;
    socket.on("message", (data) => {
      for (const frame of [JSON.parse(data)].flat()) this.#frames.add(frame);
    });
    this.closed = once(socket, "close").then(([code]) => code);
  }

  /** The next frame, which has this operation and these fields. */
  async hears(op, fields = {}) {
    const frame = await this.#frames.next();
    const { n, ...rest } = frame;
    assert.deepEqual(rest, { op, ...fields });
    return frame;
  }

  /** How many frames have come that nobody has heard. */
  get unheard() {
    return this.#frames.length;
  }

  says(...frames) {
    this.socket.send(JSON.stringify(frames.length === 1 ? frames[0] : frames));
  }

  async accepts(op, fields, answer = {}) {
    const { n } = await this.hears(op, fields);
    this.says({ op: "ok", n, ...answer });
  }

  /** Greets a client: it says who it is, and is told who is there. */
  async welcomes(entries = [], { hello = {}, welcome = {} } = {}) {
    const { n } = await this.hears("hello", { token: "TOKEN", ...hello });
    const now = Date.now();
    const own = { u: "ann", s: "S", resume: "SECRET", resumed: false, visible: true, now };
    this.says({ op: "welcome", n, ...own, ping_ms: 30_000, ...welcome });
    this.says(snapshot(entries));
    return n;
  }

  /** Waits until the client has heard what was said: a ping is answered after that. */
  async isHeard() {
    this.socket.ping();
    await once(this.socket, "pong");
  }

  /** The connection breaks. */
  breaks() {
    this.socket.terminate();
  }
}

let id = 0;
export const next = () => (id += 1);

export function snapshot(entries, fields = {}) {
  return { op: "snapshot", id: next(), first: true, last: true, visible: true, entries, ...fields };
}

export function topic(name, users, fields = {}) {
  const entries = users.map((u) => ({ u, s: `${u}1` }));
  const counts = { users: users.length, sessions: users.length, observers: 0 };
  const own = { op: "topic", id: next(), topic: name, view: "all", counts };
  return { ...own, first: true, last: true, entries, ...fields };
}

export function presence(u, p, s = `${u}1`) {
  return { op: "presence", id: next(), u, s, kind: "update", p };
}

/** Waits until what can be read is as it should be. */
export function until(readable, isSo) {
  return new Promise((resolve) => {
    const look = () => {
      const now = readable.getSnapshot();
      if (!isSo(now)) return false;
      end();
      resolve(now);
      return true;
    };
    const end = readable.subscribe(look);
    look();
  });
}

export const online = (adsum) => until(adsum.status, ({ phase }) => phase === "online");

/** What comes, and who waits for it. */
function queue() {
  const come = [];
  const waiting = [];
  return {
    get length() {
      return come.length;
    },
    add: (one) => (waiting.length > 0 ? waiting.shift()(one) : come.push(one)),
    next: () =>
      come.length > 0
        ? Promise.resolve(come.shift())
        : new Promise((resolve) => waiting.push(resolve)),
  };
}
