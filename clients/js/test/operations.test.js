// What a client says: when, how often, and what becomes of the answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AdsumError } from "../dist/index.js";
import { online, serve, snapshot, until } from "./support/server.js";

const DONE = { waitsMs: undefined };

const refusal = (code, more = {}) => (error) => {
  assert.ok(error instanceof AdsumError);
  assert.deepEqual({ code: error.code, ...more }, { code, ...more });
  for (const [field, value] of Object.entries(more)) assert.equal(error[field], value);
  return true;
};

async function connected(t, options) {
  const server = await serve(t);
  const adsum = server.client(options);
  const peer = await server.accept();
  await peer.welcomes();
  await online(adsum);
  return { server, adsum, peer };
}

test("an answer goes to the operation with its number", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  const refused = [];
  const { adsum, peer } = await connected(t, { onError: ({ code }) => refused.push(code) });
  const first = adsum.publish({ show: "busy" });
  const second = adsum.direct("bob", "psst", { for: 500 });
  const third = adsum.withdraw();
  const { n } = await peer.hears("publish", { p: { show: "busy" } });
  assert.equal((await peer.hears("direct", { to: "bob", p: "psst", for: 500 })).n, n + 1);
  await peer.hears("withdraw");
  peer.says(
    { op: "ok", n, waits_ms: 40 },
    { op: "err", n: n + 1, code: "rate", retry_ms: 250 },
    { op: "ok", n: 999 },
    { op: "ok" },
    { op: "ok", n: n + 2 },
  );
  assert.deepEqual(await first, { waitsMs: 40 });
  await assert.rejects(second, refusal("rate", { retryMs: 250, field: undefined }));
  assert.deepEqual(await third, DONE);
  const wrong = adsum.publish(null);
  const { n: last } = await peer.hears("publish", { p: null });
  peer.says({ op: "err", n: last, code: "missing", field: "p" });
  await assert.rejects(wrong, refusal("missing", { field: "p", message: "missing: p" }));
  assert.deepEqual(refused, ["rate", "missing"]);
  assert.equal(adsum.shown, undefined, "what was withdrawn, and what was refused, is not shown");
});

test("whatever else the protocol has can be asked for", async (t) => {
  const { adsum, peer } = await connected(t);
  const asked = adsum.ask("befriend", { user: "bob", op: "block" });
  const { n } = await peer.hears("befriend", { user: "bob" });
  peer.says({ op: "ok", n, u: "BOB", relation: "asked" });
  assert.deepEqual(await asked, { op: "ok", n, u: "BOB", relation: "asked" });
  const lost = adsum.ask("roster");
  await peer.hears("roster");
  peer.socket.terminate();
  await assert.rejects(lost, refusal("disconnected"));
});

test("while there is no connection the last publish is kept, and others wait", async (t) => {
  const server = await serve(t);
  const adsum = server.client({ maxWaiting: 3 });
  const said = [1, 2, 3].map((p) => adsum.publish(p));
  const direct = adsum.direct("bob", "one");
  const watch = adsum.watch(["dan"]);
  const tooMuch = adsum.direct("bob", "another");
  await assert.rejects(tooMuch, refusal("queue_full"));
  // What is shown finds room whatever waits.
  said.push(adsum.publish(4));
  const invisible = adsum.invisible();
  const peer = await server.accept();
  await peer.welcomes();
  // What hides comes before what shows, and once more in its turn.
  await peer.accepts("invisible");
  await peer.accepts("direct", { to: "bob", p: "one" });
  await peer.accepts("watch", { users: ["dan"] });
  await peer.accepts("publish", { p: 4 });
  await peer.accepts("invisible");
  assert.equal(peer.unheard, 0);
  await Promise.all([direct, watch, invisible]);
  assert.deepEqual(await Promise.all(said), [DONE, DONE, DONE, DONE], "what became of the last");
  assert.equal(adsum.shown, 4);
});

test("what cannot be said keeps nothing else from being said", async (t) => {
  const failed = [];
  const { server, adsum, peer } = await connected(t, { onError: (error) => failed.push(error) });
  const circle = {};
  circle.circle = circle;
  await assert.rejects(adsum.publish(circle), refusal("invalid"));
  await assert.rejects(adsum.publish({ n: 1n }), refusal("invalid"));
  // It fits as characters, and not as bytes.
  await assert.rejects(adsum.publish("ü".repeat(40_000)), refusal("too_big"));
  assert.deepEqual(failed.map(({ name }) => name), ["TypeError", "TypeError", "AdsumError"]);
  assert.equal(peer.unheard, 0);
  peer.breaks();
  await until(adsum.status, ({ phase }) => phase !== "online");
  const late = adsum.publish(circle);
  const watch = adsum.watch(["dan"]);
  const again = await server.accept();
  await again.welcomes([], { hello: { resume: "SECRET" } });
  await again.accepts("watch", { users: ["dan"] });
  await watch;
  await assert.rejects(late, refusal("invalid"));
  await online(adsum);
});

test("nothing waits for a client that is closed", async (t) => {
  const { server, adsum, peer } = await connected(t);
  adsum.close();
  await peer.closed;
  for (const said of [adsum.publish(1), adsum.direct("bob", 1), adsum.watch(["dan"])]) {
    await assert.rejects(said, refusal("closed"));
  }
  const { state, code } = adsum.join("room:1").getSnapshot();
  assert.deepEqual([state, code], ["closed", "closed"]);
  adsum.reconnect();
  const waits = adsum.publish(2);
  const again = await server.accept();
  await again.welcomes();
  await again.accepts("publish", { p: 2 });
  await waits;
  assert.equal(again.unheard, 0);
});

test("what had no answer is said again where the session goes on, if it is state", async (t) => {
  const { server, adsum, peer } = await connected(t);
  const answered = adsum.publish("answered");
  await peer.accepts("publish", { p: "answered" });
  await answered;
  const lost = adsum.direct("bob", 1);
  const kept = adsum.watch(["dan"]);
  await peer.hears("direct", { to: "bob", p: 1 });
  await peer.hears("watch", { users: ["dan"] });
  peer.breaks();
  // It may have come to bob: to say it again would say it twice.
  await assert.rejects(lost, refusal("disconnected"));
  const again = await server.accept();
  await again.welcomes([], { hello: { resume: "SECRET" }, welcome: { resumed: true } });
  await again.accepts("watch", { users: ["dan"] });
  assert.deepEqual(await kept, DONE);
  assert.equal(again.unheard, 0);
});

test("of what had no answer and what came after, the newest is said", async (t) => {
  const { server, adsum, peer } = await connected(t);
  const first = adsum.publish(1);
  const second = adsum.publish(2);
  await peer.hears("publish", { p: 1 });
  await peer.hears("publish", { p: 2 });
  peer.breaks();
  await until(adsum.status, ({ phase }) => phase !== "online");
  const third = adsum.publish(3);
  const again = await server.accept();
  await again.welcomes([], { hello: { resume: "SECRET" }, welcome: { resumed: true } });
  await again.accepts("publish", { p: 3 });
  assert.deepEqual(await Promise.all([first, second, third]), [DONE, DONE, DONE]);
  assert.equal(again.unheard, 0);
});

test("a new session is made what the last one was", async (t) => {
  const { server, adsum, peer } = await connected(t);
  const done = [adsum.publish("here"), adsum.watch(["dan", "eve"]), adsum.unwatch(["dan"])];
  await peer.accepts("publish", { p: "here" });
  await peer.accepts("watch", { users: ["dan", "eve"] });
  await peer.accepts("unwatch", { users: ["dan"] }, { forget: ["dan"] });
  await Promise.all(done);
  const invisible = adsum.invisible();
  await peer.accepts("invisible");
  await invisible;
  peer.breaks();
  await until(adsum.status, ({ phase }) => phase !== "online");
  const later = adsum.watch(["fay"]);
  const again = await server.accept();
  // The wish is not in hello, which may be another user's.
  await again.welcomes([], { hello: { resume: "SECRET" } });
  await again.accepts("invisible");
  await again.accepts("publish", { p: "here" });
  await again.accepts("watch", { users: ["eve"] });
  await again.accepts("watch", { users: ["fay"] });
  await later;
});

test("a new session does not show what is to be replaced at once", async (t) => {
  const { server, adsum, peer } = await connected(t);
  const old = adsum.publish("old");
  await peer.accepts("publish", { p: "old" });
  await old;
  peer.breaks();
  await until(adsum.status, ({ phase }) => phase !== "online");
  void adsum.withdraw();
  const again = await server.accept();
  await again.welcomes([], { hello: { resume: "SECRET" } });
  await again.accepts("withdraw");
  assert.equal(again.unheard, 0);
});

test("what ends by itself ends at its time, however long there is no connection", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  const server = await serve(t);
  const adsum = server.client();
  const published = adsum.publish("in a call", { until: new Date(1_060_000), then: "back" });
  const typing = adsum.direct("bob", "typing", { for: 3_000 });
  t.mock.timers.setTime(1_020_000);
  let peer = await server.accept();
  await peer.welcomes();
  await assert.rejects(typing, refusal("over"));
  await peer.accepts("publish", { p: "in a call", for: 40_000, then: "back" });
  await published;
  assert.equal(adsum.shown, "in a call");
  t.mock.timers.setTime(1_070_000);
  assert.equal(adsum.shown, "back");
  peer.breaks();
  peer = await server.accept();
  await peer.welcomes([], { hello: { resume: "SECRET" } });
  await peer.accepts("publish", { p: "back" });
  const short = adsum.publish("for a moment", { for: 10 });
  await peer.accepts("publish", { p: "for a moment", for: 10 });
  await short;
  t.mock.timers.setTime(1_080_000);
  assert.equal(adsum.shown, undefined);
  peer.breaks();
  peer = await server.accept();
  await peer.welcomes([], { hello: { resume: "SECRET" } });
  await peer.accepts("withdraw");
});

test("signs of a person are passed on now and then", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  const { adsum, peer } = await connected(t);
  for (let key = 0; key < 20; key += 1) adsum.active();
  await peer.accepts("active");
  t.mock.timers.setTime(1_005_000);
  adsum.active();
  await peer.accepts("active");
  assert.equal(peer.unheard, 0);
});

test("who watches somebody no longer forgets them, but not what they said", async (t) => {
  const { adsum, peer } = await connected(t);
  const watching = adsum.watch(["dan"]);
  const { n } = await peer.hears("watch", { users: ["dan"] });
  const entries = [{ u: "dan", s: "d", p: 1 }];
  peer.says(snapshot(entries, { users: ["dan"] }), { op: "ok", n });
  await watching;
  assert.equal(adsum.person("dan").presence, 1);
  const ended = adsum.unwatch(["dan"]);
  await peer.accepts("unwatch", { users: ["dan"] }, { forget: ["dan"] });
  await ended;
  assert.equal(adsum.person("dan").state, "offline");
});

test("frames are handed to who listens for their sort", async (t) => {
  const { adsum, peer } = await connected(t);
  const heard = new Promise((resolve) => {
    const end = adsum.on("system", ({ p }) => {
      end();
      resolve(p);
    });
  });
  peer.says({ op: "dance", steps: 3 }, { op: "system", id: 1e9, p: "maintenance at noon" });
  assert.equal(await heard, "maintenance at noon");
});

test("what waits outlives a connection that comes to nothing", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const watching = adsum.watch(["dan"]);
  const direct = adsum.direct("bob", 1);
  const peer = await server.accept();
  await peer.hears("hello", { token: "TOKEN" });
  peer.breaks();
  const again = await server.accept();
  await again.welcomes();
  await again.accepts("watch", { users: ["dan"] });
  await again.accepts("direct", { to: "bob", p: 1 });
  await Promise.all([watching, direct]);
});

test("a session that is resumed keeps the end of what it shows", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  const { server, adsum, peer } = await connected(t);
  const published = adsum.publish("in a call", { for: 60_000, then: "back" });
  await peer.accepts("publish", { p: "in a call", for: 60_000, then: "back" });
  await published;
  peer.breaks();
  const again = await server.accept();
  const hello = { resume: "SECRET" };
  await again.welcomes([], { hello, welcome: { resumed: true, p: "in a call" } });
  await again.isHeard();
  again.breaks();
  const last = await server.accept();
  await last.welcomes([], { hello });
  await last.accepts("publish", { p: "in a call", for: 60_000, then: "back" });
});

test("what is said in a room for so long is not said when that is over", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const room = adsum.join("room:a");
  const late = room.say("typing", { for: -1 });
  const peer = await server.accept();
  await peer.welcomes();
  await assert.rejects(late, ({ code }) => code === "over");
});

test("what ends at no moment is refused, and nothing is withdrawn", async (t) => {
  const { adsum, peer } = await connected(t);
  const here = adsum.publish("here");
  await peer.accepts("publish", { p: "here" });
  await here;
  const when = { until: new Date("no date"), for: NaN };
  for (const [name, value] of Object.entries(when)) {
    const said = adsum.publish(1, { [name]: value });
    const { n } = await peer.hears("publish", { p: 1, for: "" });
    peer.says({ op: "err", n, code: "invalid", field: "for" });
    await assert.rejects(said, refusal("invalid", { field: "for" }), name);
  }
  assert.equal(adsum.shown, "here");
});

test("what a page did not say itself ends at its time too, in a new session as well", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  const server = await serve(t);
  const storage = { getItem: () => '["KEPT",false]', setItem() {}, removeItem() {} };
  const adsum = server.client({ storage });
  let peer = await server.accept();
  const busy = { resumed: true, p: "busy", for: 60_000, then: "back" };
  await peer.welcomes([], { hello: { resume: "KEPT" }, welcome: busy });
  await online(adsum);
  assert.equal(adsum.shown, "busy");
  t.mock.timers.setTime(1_020_000);
  peer.breaks();
  peer = await server.accept();
  await peer.welcomes([], { hello: { resume: "SECRET" } });
  await peer.accepts("publish", { p: "busy", for: 40_000, then: "back" });
  await peer.isHeard();
  t.mock.timers.setTime(1_070_000);
  assert.equal(adsum.shown, "back");
  peer.breaks();
  peer = await server.accept();
  await peer.welcomes([], { hello: { resume: "SECRET" } });
  await peer.accepts("publish", { p: "back" });
});

test("who comes back hides nobody whom another device has made visible", async (t) => {
  const { server, adsum, peer } = await connected(t);
  const done = [adsum.publish("here"), adsum.invisible()];
  await peer.accepts("publish", { p: "here" });
  await peer.accepts("invisible");
  await Promise.all(done);
  peer.breaks();
  const hello = { resume: "SECRET" };
  const again = await server.accept();
  await again.welcomes([], { hello, welcome: { seen: true } });
  await again.accepts("publish", { p: "here" });
  await again.isHeard();
  assert.equal(again.unheard, 0);
  assert.equal(adsum.visibility.getSnapshot(), true);
});

test("who is to be invisible is that first, however often the connection is lost", async (t) => {
  const { server, adsum, peer } = await connected(t);
  const done = [adsum.publish("here"), adsum.invisible()];
  await peer.accepts("publish", { p: "here" });
  await peer.accepts("invisible");
  await Promise.all(done);
  const room = adsum.join("room:1");
  await peer.accepts("join", { topic: "room:1", view: "all" });
  await peer.isHeard();
  let last = peer;
  for (let nth = 0; nth < 3; nth += 1) {
    last.breaks();
    last = await server.accept();
    // By its snapshot the user is visible: what it said has not been heard.
    await last.welcomes([], { hello: { resume: "SECRET" } });
    await last.hears("invisible");
    await last.isHeard();
    assert.ok(last.unheard > 0);
  }
  assert.equal(room.topic, "room:1");
});

test("more users than one message has room for are named in several", async (t) => {
  const { server, adsum, peer } = await connected(t);
  // As long as an id may be.
  const users = Array.from({ length: 1_000 }, (_, nth) => String(nth).padStart(64, "u"));
  const parts = [users.slice(0, 400), users.slice(400, 800), users.slice(800)];
  const watching = adsum.watch(users);
  for (const part of parts) await peer.accepts("watch", { users: part });
  assert.deepEqual(await watching, DONE);
  const ended = adsum.unwatch(users.slice(0, 500));
  await peer.accepts("unwatch", { users: users.slice(0, 400) });
  const { n } = await peer.hears("unwatch", { users: users.slice(400, 500) });
  peer.says({ op: "err", n, code: "overload" });
  await assert.rejects(ended, refusal("overload"));
  peer.breaks();
  const again = await server.accept();
  await again.welcomes([], { hello: { resume: "SECRET" } });
  // All whom it watches still, in the order in which it began.
  await again.accepts("watch", { users: users.slice(400, 800) });
  await again.accepts("watch", { users: users.slice(800) });
});
