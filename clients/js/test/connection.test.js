// Connections: how one begins, how it ends, and when the next one comes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../dist/index.js";
import { online, serve, until } from "./support/server.js";

const ended = (adsum) => until(adsum.status, ({ phase }) => phase === "closed");
const waiting = (adsum) => until(adsum.status, ({ phase }) => phase === "waiting");

test("hello says who it is, and what else is asked for", async (t) => {
  const server = await serve(t);
  const seen = [];
  server.client({
    token: async () => "TOKEN",
    invisible: true,
    hello: { device: "laptop", kind: 2 },
    trace: (direction, { op }) => seen.push(`${direction} ${op}`),
  });
  const peer = await server.accept();
  await peer.welcomes([], { hello: { invisible: true, device: "laptop", kind: 2 } });
  peer.says({ op: "ping" });
  assert.equal(peer.socket.protocol, "adsum.v1");
  assert.deepEqual(seen, ["> hello"]);
});

test("close ends the session, and nothing comes after it", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes();
  await online(adsum);
  const pending = adsum.publish(1);
  adsum.close();
  await assert.rejects(pending, ({ code }) => code === "closed");
  assert.equal(await peer.closed, 1000);
  assert.deepEqual(adsum.status.getSnapshot().code, "closed");
  assert.equal(adsum.person("bob").state, "unknown");
  adsum.reconnect();
  const again = await server.accept();
  await again.welcomes();
  await online(adsum);
});

test("a server that sends the client away says when to come back", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes();
  await online(adsum);
  peer.says({ op: "bye", code: "shutdown", reconnect: true, after_ms: 7_000 });
  peer.socket.close(1001);
  const { retryAt, code } = await waiting(adsum);
  assert.deepEqual([retryAt, code], [1_007_000, "shutdown"]);
  // Even where something says that the network is back: all would come at once.
  adsum.reconnect();
  t.mock.timers.tick(6_999);
  assert.equal(adsum.status.getSnapshot().phase, "waiting");
  t.mock.timers.tick(1);
  const again = await server.accept();
  await again.welcomes([], { hello: { resume: "SECRET" }, welcome: { resumed: true } });
  await online(adsum);
  assert.equal(adsum.status.getSnapshot().code, undefined);
});

test("a client that is not to come back does not", async (t) => {
  for (const code of ["replaced", "evicted", "expelled", "too_big"]) {
    const server = await serve(t);
    const adsum = server.client();
    const peer = await server.accept();
    await peer.welcomes();
    await online(adsum);
    const pending = adsum.publish(1);
    peer.says({ op: "bye", code, reconnect: false, after_ms: 0 });
    peer.socket.close(4004);
    await assert.rejects(pending, (error) => error.code === code);
    const status = await ended(adsum);
    assert.deepEqual([status.code, status.retryAt], [code, undefined]);
  }
});

/** A network that is down. */
class Unreachable {
  static tried = 0;
  constructor() {
    Unreachable.tried += 1;
    queueMicrotask(() => this.onclose({ code: 1006 }));
  }
  close() {}
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("it comes back later and later, and not at the same time as others", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 0 });
  const delays = async (random) => {
    t.mock.method(Math, "random", () => random);
    const adsum = connect("ws://nowhere.invalid/v1", { WebSocket: Unreachable, storage: null });
    const all = [];
    for (let nth = 0; nth < 9; nth += 1) {
      await turn();
      const { phase, retryAt } = adsum.status.getSnapshot();
      assert.equal(phase, "waiting");
      all.push(retryAt - Date.now());
      t.mock.timers.tick(retryAt - Date.now());
    }
    adsum.close();
    return all;
  };
  const late = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000];
  assert.deepEqual(await delays(1), late);
  assert.deepEqual(await delays(0), late.map((ms) => ms / 2));
  const tried = Unreachable.tried;
  t.mock.timers.tick(1_000_000);
  await turn();
  assert.equal(Unreachable.tried, tried, "one that is closed does not try");
});

test("a connection on which nothing comes any more is given up", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 0 });
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes();
  await online(adsum);
  t.mock.timers.tick(30_000);
  await peer.hears("ping");
  peer.says({ op: "ok" });
  const heard = new Promise((resolve) => adsum.on("system", resolve));
  peer.says({ op: "system", id: 1e9, p: 1 });
  await heard;
  t.mock.timers.tick(30_000);
  await peer.hears("ping");
  t.mock.timers.tick(9_999);
  assert.equal(adsum.status.getSnapshot().phase, "online");
  t.mock.timers.tick(1);
  assert.equal(adsum.status.getSnapshot().phase, "waiting");
  // The session goes on: it has gone away, and not logged out.
  assert.equal(await peer.closed, 4000);
  t.mock.timers.tick(1);
  await (await server.accept()).hears("hello", { token: "TOKEN", resume: "SECRET" });
  // Nor does it wait for ever for a welcome.
  t.mock.timers.tick(10_000);
  assert.equal(adsum.status.getSnapshot().phase, "waiting");
});

test("what is no JSON ends the connection, and the next one may be better", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes();
  peer.socket.send("{");
  await (await server.accept()).welcomes([], { hello: { resume: "SECRET" } });
  await online(adsum);
});

test("a token is replaced before it expires", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 5_000_000 });
  t.mock.method(Math, "random", () => 0.5);
  const server = await serve(t);
  const tokens = ["TOKEN", "SECOND", "THIRD"];
  const asked = [];
  server.client({
    token: async () => {
      asked.push(Date.now());
      return tokens.shift();
    },
  });
  const peer = await server.accept();
  // By the server's clock, which is an hour ahead.
  const now = 8_600_000;
  await peer.welcomes([], { welcome: { now, until: now + 100_000 } });
  await peer.isHeard();
  await pong(peer, t, 30_000);
  await pong(peer, t, 30_000);
  t.mock.timers.tick(20_000);
  const { n } = await peer.hears("token", { token: "SECOND" });
  assert.equal(asked[1], 5_080_000);
  peer.says({ op: "ok", n, until: now + 80_000 + 10_000 });
  await peer.isHeard();
  t.mock.timers.tick(8_000);
  await peer.hears("token", { token: "THIRD" });
});

/** Lets time pass until the client says that it is there, and answers. */
async function pong(peer, t, ms) {
  t.mock.timers.tick(ms);
  await peer.hears("ping");
  peer.says({ op: "ok" });
  await peer.isHeard();
}

test("where no token can be had, it is asked for again", async (t) => {
  const server = await serve(t);
  const errors = [];
  let asked = 0;
  const adsum = server.client({
    token: () => {
      asked += 1;
      if (asked < 3) throw new Error("no network");
      return "TOKEN";
    },
    onError: ({ message }) => errors.push(message),
  });
  const { code } = await waiting(adsum);
  assert.equal(code, "token");
  await (await server.accept()).welcomes();
  await online(adsum);
  assert.deepEqual(errors, ["no network", "no network"]);
});

test("a token that is not good is replaced once", async (t) => {
  const server = await serve(t);
  let asked = 0;
  const refused = [];
  const adsum = server.client({
    token: () => `TOKEN${(asked += 1)}`,
    onError: ({ code }) => refused.push(code),
  });
  for (const nth of [1, 2]) {
    const peer = await server.accept();
    const { n } = await peer.hears("hello", { token: `TOKEN${nth}` });
    peer.says({ op: "err", n, code: "unauthorized" });
    peer.says({ op: "bye", code: "unauthorized", reconnect: false, after_ms: 0 });
    peer.socket.close(4401);
  }
  assert.equal((await ended(adsum)).code, "unauthorized");
  assert.deepEqual(refused, ["unauthorized", "unauthorized"]);
});

test("an address that is none, or no WebSocket, is refused at once", () => {
  assert.throws(() => connect("nowhere"), TypeError);
  const failed = [];
  const options = { WebSocket: class { constructor() { throw new SyntaxError("no"); } } };
  const adsum = connect("ws://127.0.0.1:1", { ...options, onError: (e) => failed.push(e.message) });
  return until(adsum.status, ({ phase }) => phase === "waiting").then(() => {
    assert.deepEqual(failed, ["no"]);
    adsum.close();
  });
});

test("a page that is loaded anew goes on with its session", async (t) => {
  const server = await serve(t);
  const kept = new Map();
  const storage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
  const first = server.client({ storage });
  const peer = await server.accept();
  await peer.welcomes();
  await online(first);
  assert.deepEqual([...kept.values()], ['["SECRET",false]']);
  // The page is gone without a word.
  const second = server.client({ storage });
  const again = await server.accept();
  const welcome = { resumed: true, resume: "ANOTHER", p: "in a call" };
  await again.welcomes([], { hello: { resume: "SECRET" }, welcome });
  await online(second);
  assert.deepEqual([...kept.values()], ['["ANOTHER",false]']);
  assert.equal(second.shown, "in a call", "what the session shows is known");
  // What is known of it outlives the session too.
  again.breaks();
  const third = await server.accept();
  await third.welcomes([], { hello: { resume: "ANOTHER" } });
  await third.accepts("publish", { p: "in a call" });
  second.close();
  assert.equal(kept.size, 0, "who logs out leaves nothing");
});

test("a storage that may not be used is done without", async (t) => {
  const server = await serve(t);
  const refuse = () => {
    throw new DOMException("no", "SecurityError");
  };
  const storage = { getItem: refuse, setItem: refuse, removeItem: refuse };
  const adsum = server.client({ storage });
  await (await server.accept()).welcomes();
  await online(adsum);
});

test("a token that comes after the end is of no use", async (t) => {
  const before = Unreachable.tried;
  let found;
  const token = () => new Promise((resolve) => (found = resolve));
  const options = { WebSocket: Unreachable, storage: null, token };
  const adsum = connect("ws://nowhere.invalid/v1", options);
  adsum.close();
  found("TOKEN");
  await turn();
  assert.equal(Unreachable.tried, before);
});

test("after a session a token that is not good is replaced once more", async (t) => {
  const server = await serve(t);
  const adsum = server.client({ token: () => "TOKEN" });
  for (let nth = 0; nth < 2; nth += 1) {
    const refused = await server.accept();
    await refused.hears("hello", { token: "TOKEN", ...(nth > 0 && { resume: "SECRET" }) });
    refused.says({ op: "bye", code: "unauthorized", reconnect: false, after_ms: 0 });
    refused.socket.close(4401);
    const peer = await server.accept();
    await peer.welcomes([], { hello: nth > 0 ? { resume: "SECRET" } : {} });
    await online(adsum);
    await peer.isHeard();
    peer.breaks();
  }
});

test("where no other token is to be had, it is asked for but not without a rest", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  const server = await serve(t);
  let asked = 0;
  const failures = [];
  const adsum = server.client({
    token: () => (asked++ ? Promise.reject(new Error("none")) : "TOKEN"),
    onError: (error) => failures.push(error.message),
    maxBackoffMs: 30_000,
  });
  const peer = await server.accept();
  await peer.welcomes([], { welcome: { now: 1_000_000, until: 4_600_000, ping_ms: 1e9 } });
  await online(adsum);
  for (let second = 0; second < 7_200; second += 1) {
    t.mock.timers.tick(1_000);
    await new Promise(setImmediate);
  }
  assert.ok(asked > 10 && asked < 200, `it was asked ${asked} times`);
  assert.equal(failures.length, asked - 1);
});

test("what one user showed, watched and joined is nothing of another's", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes([], { welcome: { u: "ann" } });
  await online(adsum);
  const said = [adsum.publish("secret"), adsum.watch(["eve"])];
  await peer.accepts("publish", { p: "secret" });
  await peer.accepts("watch", { users: ["eve"] });
  await Promise.all(said);
  const room = adsum.join("room:anns");
  await peer.accepts("join", { topic: "room:anns", view: "all" });
  peer.socket.close();
  const other = await server.accept();
  await other.welcomes([], { hello: { resume: "SECRET" }, welcome: { u: "bob" } });
  await online(adsum);
  assert.equal(adsum.shown, undefined);
  assert.deepEqual([room.getSnapshot().state, room.getSnapshot().code], ["closed", "left"]);
  void adsum.publish("hello");
  await other.hears("publish", { p: "hello" });
});

test("what one user said and had no answer to is never said as another", async (t) => {
  const server = await serve(t);
  const failed = [];
  const adsum = server.client({ onError: ({ code }) => failed.push(code) });
  const peer = await server.accept();
  await peer.welcomes([], { welcome: { u: "ann" } });
  await online(adsum);
  const hidden = adsum.invisible();
  await peer.accepts("invisible");
  await hidden;
  const unanswered = adsum.publish("ann's");
  await peer.hears("publish", { p: "ann's" });
  peer.breaks();
  await waiting(adsum);
  const waits = [
    unanswered,
    adsum.publish("ann's too"),
    adsum.direct("eve", "psst"),
    adsum.watch(["eve"]),
    adsum.visible(),
    adsum.ask("befriend", { user: "eve" }),
  ];
  const room = adsum.join("room:anns");
  const other = await server.accept();
  // That ann is invisible is nothing of bob's either.
  await other.welcomes([], { hello: { resume: "SECRET" }, welcome: { u: "bob" } });
  for (const said of waits) await assert.rejects(said, { code: "other_user" });
  assert.equal(room.getSnapshot().state, "closed");
  await online(adsum);
  // What is said from then on is bob's.
  const said = adsum.publish("bob's");
  await other.accepts("publish", { p: "bob's" });
  await said;
  assert.equal(other.unheard, 0);
  assert.equal(adsum.visibility.getSnapshot(), true);
});

test("another user is invisible from the start where the application has it so", async (t) => {
  const server = await serve(t);
  const adsum = server.client({ invisible: true });
  const peer = await server.accept();
  await peer.welcomes([], { hello: { invisible: true }, welcome: { u: "ann" } });
  await online(adsum);
  const seen = adsum.visible();
  await peer.accepts("visible");
  await seen;
  peer.breaks();
  const other = await server.accept();
  await other.welcomes([], { hello: { resume: "SECRET" }, welcome: { u: "bob" } });
  await other.accepts("invisible");
});

test("a room that is joined anew because the user is another one is that user's", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes([], { welcome: { u: "ann" } });
  await online(adsum);
  let room = adsum.join("room:1");
  await peer.accepts("join", { topic: "room:1", view: "all" });
  const end = room.subscribe(({ state }) => {
    if (state === "closed") room = adsum.join("room:1", { view: "count" });
  });
  peer.breaks();
  const other = await server.accept();
  await other.welcomes([], { hello: { resume: "SECRET" }, welcome: { u: "bob" } });
  await other.accepts("join", { topic: "room:1", view: "count" });
  end();
  await other.isHeard();
  assert.equal(other.unheard, 0);
});

test("a token that never comes is asked for again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 0 });
  const server = await serve(t);
  const found = [];
  const adsum = server.client({
    token: () => new Promise((resolve) => found.push(resolve)),
    patienceMs: 3_000,
  });
  t.mock.timers.tick(2_999);
  assert.equal(adsum.status.getSnapshot().phase, "connecting");
  t.mock.timers.tick(1);
  const { code, retryAt } = await waiting(adsum);
  assert.equal(code, "token");
  t.mock.timers.tick(retryAt - Date.now());
  assert.equal(found.length, 2);
  found[0]("LATE");
  found[1]("TOKEN");
  await (await server.accept()).welcomes();
  await online(adsum);
});

test("who is invisible stays so where visible comes too late", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes();
  await online(adsum);
  const hidden = adsum.invisible();
  await peer.accepts("invisible");
  await hidden;
  adsum.close();
  await assert.rejects(adsum.visible(), { code: "closed" });
  adsum.reconnect();
  const again = await server.accept();
  await again.welcomes();
  await again.accepts("invisible");
});
