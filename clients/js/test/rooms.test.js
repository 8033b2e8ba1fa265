// Topics, as an application reads them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { next, online, serve, snapshot, topic, until } from "./support/server.js";

async function connected(t) {
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes();
  await online(adsum);
  return { server, adsum, peer };
}

/** Joins a topic in which there are these users. */
async function joined(adsum, peer, users, options, fields = { view: "all" }) {
  const room = adsum.join("room:1", options);
  const { n } = await peer.hears("join", { topic: "room:1", ...fields });
  peer.says(topic("room:1", users), { op: "ok", n });
  await until(room, ({ state }) => state === "joined");
  return room;
}

const names = (members) => [...members.keys()].join(" ");

test("a room says who is in it, in the order in which they joined", async (t) => {
  const { adsum, peer } = await connected(t);
  const options = { presence: { cursor: null } };
  const fields = { view: "all", p: { cursor: null } };
  const room = await joined(adsum, peer, ["bob", "ann", "cyd"], options, fields);
  assert.equal(adsum.join("room:1"), room);
  assert.equal(names(room.members.getSnapshot()), "bob ann cyd");
  assert.equal(room.count, 3);
  const about = { topic: "room:1", id: next() };
  peer.says({ op: "joined", ...about, u: "dan", s: "d", p: 1 }, { op: "left", ...about, u: "bob" });
  const members = await until(room.members, (all) => all.has("dan"));
  assert.equal(names(members), "ann cyd dan");
  assert.equal(members.get("dan").presence, 1);
  peer.says({ op: "said", topic: "room:1", id: next(), u: "dan", s: "d", p: "typing" });
  const [said] = await until(room.said, ({ length }) => length === 1);
  assert.deepEqual(said, { user: "dan", session: "d", presence: "typing" });
  // Of what has not changed everything is the same.
  const cyd = room.members.getSnapshot().get("cyd");
  peer.says({ op: "said_over", topic: "room:1", id: next(), u: "dan", s: "d" });
  await until(room.said, ({ length }) => length === 0);
  assert.equal(room.members.getSnapshot().get("cyd"), cyd);
  assert.equal(room.members.getSnapshot(), room.getSnapshot().members);
  assert.equal(room.getSnapshot(), room.getSnapshot());
});

test("what is done in a room is said to the server", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  const { adsum, peer } = await connected(t);
  const room = await joined(adsum, peer, ["ann"]);
  const done = [room.update(2), room.say("typing", { for: 500 }), room.say("hi")];
  done.push(room.look("count"), room.lookAt(["bob"]));
  await peer.accepts("update", { topic: "room:1", p: 2 });
  await peer.accepts("say", { topic: "room:1", p: "typing", for: 500 });
  await peer.accepts("say", { topic: "room:1", p: "hi" });
  await peer.accepts("look", { topic: "room:1", view: "count" });
  await peer.accepts("look_at", { topic: "room:1", users: ["bob"] });
  await Promise.all(done);
  const left = room.leave();
  assert.deepEqual([room.getSnapshot().state, room.getSnapshot().code], ["closed", "left"]);
  await peer.accepts("leave", { topic: "room:1" });
  await left;
  await room.leave();
  const again = adsum.join("room:1", { view: 5, observe: true });
  assert.notEqual(again, room);
  await peer.accepts("join", { topic: "room:1", view: 5, observe: true });
  assert.equal(peer.unheard, 0);
});

test("who views all counts whom it is shown, and itself if it is not shown", async (t) => {
  const { adsum, peer } = await connected(t);
  const room = await joined(adsum, peer, ["bob", "cyd"]);
  assert.equal(room.count, 3, "ann is in it and not told so");
  const counts = { users: 40, sessions: 50, observers: 2 };
  peer.says(topic("room:1", ["bob"], { view: 1, counts }));
  const { view } = await until(room, ({ count }) => count === 40);
  assert.equal(view, 1, "it is served a sample");
  const changes = { op: "changes", topic: "room:1", id: next(), view: 1, first: true, last: true };
  peer.says({ ...changes, counts: { ...counts, users: 41 }, changes: [] });
  await until(room, ({ count }) => count === 41);
});

test("a room that cannot be joined, or is closed, says why", async (t) => {
  const { adsum, peer } = await connected(t);
  const secret = adsum.join("secret");
  const { n } = await peer.hears("join", { topic: "secret", view: "all" });
  peer.says({ op: "err", n, code: "forbidden" });
  assert.equal((await until(secret, ({ state }) => state === "closed")).code, "forbidden");
  const room = await joined(adsum, peer, ["ann", "bob"]);
  peer.says({ op: "closed", topic: "room:1", reason: "removed" });
  const { code, members } = await until(room, ({ state }) => state === "closed");
  assert.deepEqual([code, members.size, room.count], ["removed", 0, 0]);
  assert.notEqual(adsum.join("room:1"), room, "it may be joined anew");
});

test("rooms are unknown while there is no connection, and joined again as they were", async (t) => {
  const { server, adsum, peer } = await connected(t);
  const room = await joined(adsum, peer, ["ann", "bob"]);
  const done = [room.update("new"), room.look(7), room.lookAt(["dan"])];
  await peer.accepts("update", { topic: "room:1", p: "new" });
  await peer.accepts("look", { topic: "room:1", view: 7 });
  await peer.accepts("look_at", { topic: "room:1", users: ["dan"] });
  await Promise.all(done);
  peer.breaks();
  const lost = await until(room, ({ state }) => state === "unknown");
  assert.equal(lost.members.get("bob").state, "unknown");
  const again = await server.accept();
  await again.welcomes([], { hello: { resume: "SECRET" } });
  const { n } = await again.hears("join", { topic: "room:1", view: 7, p: "new" });
  again.says(topic("room:1", ["cyd"]), { op: "ok", n });
  const { members } = await until(room, ({ state }) => state === "joined");
  assert.equal(names(members), "cyd");
  await again.hears("look_at", { topic: "room:1", users: ["dan"] });
});

test("a session that is resumed is in its topics, and is told them", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const server = await serve(t);
  const storage = { getItem: () => '["KEPT",false]', setItem() {}, removeItem() {} };
  const adsum = server.client({ storage });
  const room = adsum.join("room:1", { view: "count", presence: 1 });
  const peer = await server.accept();
  const topics = ["room:1", "room:2", "room:3"];
  await peer.welcomes([], { hello: { resume: "KEPT" }, welcome: { resumed: true, topics } });
  // Of what it views nothing of it is told nothing.
  peer.says(topic("room:1", ["ann"]), topic("room:2", ["ann"]));
  const { n } = await peer.hears("join", { topic: "room:1", view: "count", p: 1 });
  peer.says({ op: "err", n, code: "already_joined" });
  // It is there as the page was before: now as the page is.
  await peer.accepts("look", { topic: "room:1", view: "count" });
  await peer.accepts("update", { topic: "room:1", p: 1 });
  await peer.isHeard();
  assert.equal(room.getSnapshot().state, "joined");
  // What the page does not join again it leaves.
  t.mock.timers.tick(10_000);
  await peer.accepts("leave", { topic: "room:2" });
  await peer.accepts("leave", { topic: "room:3" });
  assert.equal(peer.unheard, 0);
});

test("a page that is another kind of member than the last one leaves and joins", async (t) => {
  const server = await serve(t);
  const storage = { getItem: () => '["KEPT",false]', setItem() {}, removeItem() {} };
  const adsum = server.client({ storage });
  adsum.join("room:1", { presence: 1 });
  adsum.join("room:2", { observe: true });
  const same = adsum.join("room:3", { observe: true });
  const peer = await server.accept();
  const topics = ["room:1", "room:2", "room:3"];
  const welcome = { resumed: true, topics, observes: ["room:1", "room:3"] };
  await peer.welcomes([], { hello: { resume: "KEPT" }, welcome });
  const joins = [
    { topic: "room:1", view: "all", p: 1 },
    { topic: "room:2", view: "all", observe: true },
    { topic: "room:3", view: "all", observe: true },
  ];
  for (const fields of joins) {
    const { n } = await peer.hears("join", fields);
    peer.says({ op: "err", n, code: "already_joined" });
  }
  for (const fields of joins.slice(0, 2)) {
    await peer.accepts("leave", { topic: fields.topic });
    await peer.accepts("join", fields);
  }
  await peer.accepts("look", { topic: "room:3", view: "all" });
  await peer.isHeard();
  assert.equal(peer.unheard, 0, "who is what it was stays");
  peer.says(topic("room:3", ["bob"]));
  await until(same, ({ state }) => state === "joined");
});

test("who views nothing knows that it is in", async (t) => {
  const { adsum, peer } = await connected(t);
  const room = await joined(adsum, peer, ["ann", "bob"]);
  const looked = room.look("nothing");
  await peer.accepts("look", { topic: "room:1", view: "nothing" });
  await looked;
  const { state, members, count } = room.getSnapshot();
  assert.deepEqual([state, members.size, count], ["joined", 0, 0]);
});

test("a snapshot of everything forgets the topics that it does not tell again", async (t) => {
  const { adsum, peer } = await connected(t);
  const room = await joined(adsum, peer, ["ann", "bob"]);
  peer.says(snapshot([]));
  await until(room, ({ state }) => state === "unknown");
  peer.says(topic("room:1", ["bob"]));
  await until(room, ({ state }) => state === "joined");
});

test("a room that nobody could ask for is closed, and may be asked for again", async (t) => {
  const server = await serve(t);
  const adsum = server.client({ maxWaiting: 1 });
  const first = adsum.join("room:1");
  const second = adsum.join("room:2");
  assert.equal(second.getSnapshot().code, "queue_full");
  assert.equal(first.getSnapshot().state, "unknown");
  const peer = await server.accept();
  await peer.welcomes();
  await peer.accepts("join", { topic: "room:1", view: "all" });
  assert.notEqual(adsum.join("room:2"), second);
  await peer.accepts("join", { topic: "room:2", view: "all" });
});

test("a room whose join had no answer is joined once in a new session", async (t) => {
  const { server, adsum, peer } = await connected(t);
  adsum.join("room:1");
  await peer.hears("join", { topic: "room:1", view: "all" });
  peer.breaks();
  const again = await server.accept();
  await again.welcomes([], { hello: { resume: "SECRET" } });
  await again.accepts("join", { topic: "room:1", view: "all" });
  await again.isHeard();
  assert.equal(again.unheard, 0);
});

test("who observes, or is invisible, does not count itself", async (t) => {
  const { adsum, peer } = await connected(t);
  const fields = { view: "all", observe: true };
  const watched = await joined(adsum, peer, ["bob"], { observe: true }, fields);
  assert.equal(watched.count, 1);
  const left = watched.leave();
  await peer.accepts("leave", { topic: "room:1" });
  await left;
  const room = await joined(adsum, peer, ["bob"]);
  assert.equal(room.count, 2);
  const hidden = adsum.invisible();
  await peer.accepts("invisible");
  await hidden;
  assert.equal(room.count, 1);
});
