// What becomes of what comes too often for the server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { online, serve, until } from "./support/server.js";

const DONE = { waitsMs: undefined };

async function connected(t) {
  t.mock.timers.enable({ apis: ["Date", "setTimeout"], now: 1_000_000 });
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes();
  await online(adsum);
  return { server, adsum, peer };
}

/** Refuses what it hears next. */
async function refuses(peer, op, fields, retry_ms = 400) {
  const { n } = await peer.hears(op, fields);
  peer.says({ op: "err", n, code: "rate", retry_ms });
}

/** Lets time go by, and waits until whatever the client says then has come. */
async function passes(t, peer, ms) {
  await peer.isHeard();
  t.mock.timers.tick(ms);
  await peer.isHeard();
}

test("of what is shown the last word gets out, when the server has said that it may", async (t) => {
  const { adsum, peer } = await connected(t);
  const said = [adsum.publish(1), adsum.publish(2)];
  await refuses(peer, "publish", { p: 1 });
  await refuses(peer, "publish", { p: 2 }, 300);
  await passes(t, peer, 100);
  said.push(adsum.publish(3), adsum.publish(4));
  await passes(t, peer, 299);
  assert.equal(peer.unheard, 0, "too early");
  await passes(t, peer, 1);
  await peer.accepts("publish", { p: 4 });
  assert.deepEqual(await Promise.all(said), [DONE, DONE, DONE, DONE], "what became of the last");
  assert.equal(adsum.shown, 4);
  await passes(t, peer, 10_000);
  assert.equal(peer.unheard, 0, "it is said once");
});

test("so do the last words of a room and about being seen, and joining it", async (t) => {
  const { adsum, peer } = await connected(t);
  const room = adsum.join("room:1");
  const said = [1, 2].map((p) => room.update(p));
  said.push(adsum.invisible(), adsum.visible(), room.look("count"));
  await refuses(peer, "join", { topic: "room:1", view: "all" });
  for (const p of [1, 2]) await peer.hears("update", { topic: "room:1", p });
  for (const op of ["invisible", "visible"]) await peer.hears(op);
  await peer.hears("look", { topic: "room:1", view: "count" });
  await passes(t, peer, 400);
  assert.equal(room.getSnapshot().state, "unknown", "it is not closed");
  await peer.accepts("join", { topic: "room:1", view: "all" });
  await peer.accepts("update", { topic: "room:1", p: 2 });
  await peer.accepts("visible");
  await peer.accepts("look", { topic: "room:1", view: "count" });
  assert.deepEqual(await Promise.all(said), said.map(() => DONE));
  assert.equal(peer.unheard, 0);
});

test("what is said meanwhile waits, and is said one by one in its order", async (t) => {
  const { adsum, peer } = await connected(t);
  void adsum.publish(1);
  await refuses(peer, "publish", { p: 1 });
  await peer.isHeard();
  const direct = adsum.direct("bob", "psst");
  const watching = adsum.watch(["dan"]);
  await passes(t, peer, 400);
  assert.equal(peer.unheard, 1, "it does not run into the rate with all of it");
  // It is too early again, and so the rest waits again.
  await refuses(peer, "publish", { p: 1 }, 50);
  await passes(t, peer, 49);
  assert.equal(peer.unheard, 0);
  await passes(t, peer, 1);
  await peer.accepts("publish", { p: 1 });
  const { n } = await peer.hears("direct", { to: "bob", p: "psst" });
  assert.equal(peer.unheard, 0);
  // What is no state is said once, and the application decides.
  peer.says({ op: "err", n, code: "rate", retry_ms: 10 });
  await assert.rejects(direct, { code: "rate", retryMs: 10 });
  await peer.accepts("watch", { users: ["dan"] });
  await watching;
  const swift = [adsum.direct("bob", 1), adsum.direct("bob", 2)];
  for (const p of [1, 2]) await peer.hears("direct", { to: "bob", p });
  assert.equal(swift.length, 2, "nothing waits any more");
});

test("what was taken out of its turn is said again in its turn", async (t) => {
  const { adsum, peer } = await connected(t);
  const said = [adsum.watch(["dan"]), adsum.unwatch(["dan"])];
  await refuses(peer, "watch", { users: ["dan"] });
  await peer.accepts("unwatch", { users: ["dan"] }, { forget: ["dan"] });
  await passes(t, peer, 400);
  await peer.accepts("watch", { users: ["dan"] });
  await peer.accepts("unwatch", { users: ["dan"] }, { forget: ["dan"] });
  assert.deepEqual(await Promise.all(said), [DONE, DONE]);
});

test("a new connection does not wait for the rate of the last one", async (t) => {
  const { server, adsum, peer } = await connected(t);
  const said = adsum.publish("here");
  await refuses(peer, "publish", { p: "here" }, 60_000);
  await peer.isHeard();
  peer.breaks();
  await until(adsum.status, ({ phase }) => phase === "waiting");
  t.mock.timers.tick(1);
  const again = await server.accept();
  await again.welcomes([], { hello: { resume: "SECRET" }, welcome: { resumed: true } });
  await again.accepts("publish", { p: "here" });
  assert.deepEqual(await said, DONE);
  await again.isHeard();
  await passes(t, again, 9_000);
  assert.equal(again.unheard, 0);
});

test("a server that does not say when is not asked at once", async (t) => {
  const { adsum, peer } = await connected(t);
  const said = adsum.publish(1);
  await refuses(peer, "publish", { p: 1 }, null);
  await passes(t, peer, 999);
  assert.equal(peer.unheard, 0);
  await passes(t, peer, 1);
  await peer.accepts("publish", { p: 1 });
  await said;
});
