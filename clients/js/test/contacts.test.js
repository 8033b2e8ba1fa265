// Who is there, as an application reads it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { next, online, presence, serve, snapshot, topic, until } from "./support/server.js";

test("nobody is known to be there or not before the first snapshot has ended", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const bob = adsum.person("bob");
  assert.equal(bob.state, "unknown");
  const peer = await server.accept();
  const { n } = await peer.hears("hello", { token: "TOKEN" });
  const entries = [{ u: "bob", s: "bob1", p: 1 }];
  peer.says({ op: "welcome", n, u: "ann", s: "S", resume: "R", now: 0, ping_ms: 30_000 });
  peer.says(snapshot(entries, { last: false }));
  const seen = await until(adsum.contacts, (people) => people.has("bob"));
  assert.equal(seen.get("bob").state, "unknown");
  assert.equal(adsum.person("cyd").state, "unknown");
  assert.equal(adsum.status.getSnapshot().phase, "connecting");
  peer.says(snapshot([], { first: false }));
  await online(adsum);
  assert.equal(bob.state, "online");
  assert.equal(bob.presence, 1);
  assert.equal(adsum.person("cyd").state, "offline");
  const { user, session, code } = adsum.status.getSnapshot();
  assert.deepEqual([user, session, code], ["ann", "S", undefined]);
});

test("for whom there is no room is unknown, and the application is told so once", async (t) => {
  const server = await serve(t);
  const errors = [];
  const adsum = server.client({ limit: 2, onError: ({ code }) => errors.push(code) });
  const peer = await server.accept();
  const all = ["bob", "cyd", "dan"].map((u) => ({ u, s: u + 1, p: 1 }));
  await peer.welcomes(all);
  await online(adsum);
  assert.deepEqual(errors, ["full"]);
  const states = () => ["bob", "cyd", "dan", "eve"].map((id) => adsum.person(id).state);
  assert.deepEqual(states(), ["online", "online", "unknown", "unknown"]);
  // One more is not told again; and one less leaves the others unknown.
  peer.says(presence("eve", 1));
  peer.says({ op: "offline", id: next(), u: "cyd", ended: ["cyd1"] });
  await until(adsum.person("cyd"), ({ state }) => state !== "online");
  assert.deepEqual(errors, ["full"]);
  assert.deepEqual(states().slice(2), ["unknown", "unknown"]);
  // A part of a snapshot is not all of it.
  peer.says(snapshot(all.slice(0, 1), { last: false }));
  peer.says(snapshot(all.slice(2), { first: false }));
  await until(adsum.person("dan"), ({ state }) => state === "online");
  assert.deepEqual(states(), ["online", "offline", "online", "offline"]);
  peer.says(snapshot(all));
  await until(adsum.person("dan"), ({ state }) => state === "unknown");
  assert.deepEqual(errors, ["full", "full"]);
});

test("from the loss of a connection to the next snapshot nothing is certain", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes([{ u: "bob", s: "bob1", p: { text: "here" } }]);
  await online(adsum);
  const before = adsum.person("bob").getSnapshot();
  peer.breaks();
  const lost = await until(adsum.person("bob"), ({ state }) => state === "unknown");
  assert.equal(lost.presence, before.presence, "what was known last");
  assert.equal(adsum.person("cyd").state, "unknown");
  const again = await server.accept();
  const hello = { resume: "SECRET" };
  await again.welcomes([{ u: "cyd", s: "cyd1", p: 1 }], { hello, welcome: { resumed: true } });
  await until(adsum.person("bob"), ({ state }) => state === "offline");
  assert.equal(adsum.person("cyd").state, "online");
});

test("a user is the same object as long as nothing changes, over reconnects too", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  const entries = [
    { u: "bob", s: "bob1", p: { text: "here" } },
    { u: "cyd", s: "cyd1", p: 1 },
  ];
  await peer.welcomes(entries);
  await online(adsum);
  const people = adsum.contacts.getSnapshot();
  assert.equal(adsum.contacts.getSnapshot(), people);
  assert.equal(adsum.person("bob"), adsum.person("bob"));
  const [bob, cyd] = [people.get("bob"), people.get("cyd")];
  assert.equal(adsum.person("bob").getSnapshot(), bob);
  // The same again is no change; another is one of its user alone.
  peer.says(presence("bob", { text: "here" }), presence("cyd", 2));
  const changed = await until(adsum.contacts, (now) => now !== people);
  assert.equal(changed.get("bob"), bob);
  assert.notEqual(changed.get("cyd"), cyd);
  assert.equal(cyd.presence, 1, "what was read stays as it was");
  const words = changed.get("bob").presence;
  peer.breaks();
  const again = await server.accept();
  await again.welcomes(structuredClone(entries), { hello: { resume: "SECRET" } });
  await online(adsum);
  assert.equal(adsum.person("bob").presence, words, "not even a value of it is another");
});

test("one's own other devices are no contact", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes([
    { u: "ann", s: "phone", p: "on the phone" },
    { u: "bob", s: "bob1", p: 1 },
  ]);
  await online(adsum);
  assert.deepEqual([...adsum.contacts.getSnapshot().keys()], ["bob"]);
  const own = adsum.devices.getSnapshot();
  assert.deepEqual(own.map(({ id, presence }) => [id, presence]), [["phone", "on the phone"]]);
  peer.says({ op: "offline", id: next(), u: "ann" });
  assert.deepEqual(await until(adsum.devices, (now) => now !== own), []);
});

test("of several devices the one that showed something new last speaks", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes([{ u: "bob", s: "a", p: 1 }, { u: "bob", s: "b", p: 2 }]);
  await online(adsum);
  const bob = adsum.person("bob");
  assert.equal(bob.presence, 2);
  peer.says(presence("bob", 3, "a"), presence("bob", 2, "b"));
  assert.equal((await until(bob, ({ presence }) => presence === 3)).sessions.length, 2);
  peer.says({ op: "ended", id: next(), u: "bob", s: "a" });
  await until(bob, ({ presence }) => presence === 2);
  peer.says({ op: "directed", id: next(), u: "bob", s: "b", p: "typing" });
  await until(bob, ({ said }) => said === "typing");
  peer.says({ op: "over", id: next(), u: "bob", s: "b" });
  await until(bob, ({ said }) => said === undefined);
});

test("the one state of a user says since when it is idle", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes([{ u: "bob", p: "here", idle_since: 7 }]);
  await online(adsum);
  const bob = adsum.person("bob").getSnapshot();
  assert.deepEqual([bob.presence, bob.idleSince, bob.isOne], ["here", 7, true]);
  peer.says({ op: "user", id: next(), u: "bob", kind: "update", p: "here" });
  await until(adsum.person("bob"), ({ idleSince }) => idleSince === undefined);
});

// React's `useSyncExternalStore` compares what it reads while it renders, subscribes after it has,
// reads again then and at each call, and renders if it reads something else.
test("what can be read works with useSyncExternalStore", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const rendered = [];
  const component = (store) => {
    const { subscribe, getSnapshot } = store;
    let last = getSnapshot();
    assert.equal(getSnapshot(), last, "two reads of one state are the same");
    rendered.push(last);
    const look = () => {
      const now = getSnapshot();
      if (Object.is(now, last)) return;
      last = now;
      rendered.push(now);
    };
    const end = subscribe(look);
    look();
    return end;
  };
  const end = component(adsum.person("bob"));
  const peer = await server.accept();
  await peer.welcomes([{ u: "bob", s: "bob1", p: 1 }]);
  await online(adsum);
  peer.says(presence("cyd", 1), presence("bob", 2), presence("bob", 3));
  await until(adsum.contacts, (people) => people.size === 2);
  const states = rendered.map(({ state, presence }) => [state, presence]);
  // One message, one rendering; nothing for the news of somebody else.
  assert.deepEqual(states, [["unknown", undefined], ["online", 1], ["online", 3]]);
  end();
  peer.says(presence("bob", 4));
  await until(adsum.contacts, (people) => people.get("bob").presence === 4);
  assert.equal(rendered.length, 3, "nothing is told to who has gone");
});

test("who ends a subscription ends no other, and who throws harms nobody", async (t) => {
  const thrown = [];
  const later = globalThis.queueMicrotask;
  const catching = (task) => () => {
    try {
      task();
    } catch (error) {
      thrown.push(error.message);
    }
  };
  t.mock.method(globalThis, "queueMicrotask", (task) => later(catching(task)));
  const server = await serve(t);
  const adsum = server.client();
  const heard = [];
  const hear = (people) => heard.push(people.size);
  const ends = [adsum.contacts.subscribe(hear), adsum.contacts.subscribe(hear)];
  adsum.contacts.subscribe(() => {
    throw new Error("in a listener");
  });
  adsum.contacts.subscribe(hear);
  ends[0]();
  const peer = await server.accept();
  await peer.welcomes([{ u: "bob", s: "bob1", p: 1 }]);
  await online(adsum);
  assert.deepEqual(heard, [1, 1]);
  assert.deepEqual(thrown, ["in a listener"]);
});

test("who is unsubscribed by another listener hears nothing more", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  let ended = 0;
  const ends = [];
  adsum.contacts.subscribe(() => ends.forEach((end) => end()));
  ends.push(adsum.contacts.subscribe(() => (ended += 1)));
  await (await server.accept()).welcomes([{ u: "bob", s: "bob1", p: 1 }]);
  await online(adsum);
  assert.equal(ended, 0);
});

test("whoever is watched is not offline meanwhile in a new session", async (t) => {
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes([{ u: "bob", s: "b", p: 1 }]);
  const watching = adsum.watch(["dan", "eve"]);
  const users = ["dan", "eve"];
  const { n } = await peer.hears("watch", { users });
  const entries = [{ u: "dan", s: "d", p: 1 }, { u: "eve", s: "e", p: 1 }];
  peer.says(snapshot(entries, { users }), { op: "ok", n });
  await watching;
  const told = { dan: [], eve: [], everybody: [] };
  for (const id of users) adsum.person(id).subscribe(({ state }) => told[id].push(state));
  adsum.contacts.subscribe((people) => told.everybody.push([...people.keys()].sort().join(" ")));
  const room = adsum.join("room:1");
  await peer.accepts("join", { topic: "room:1", view: "all" });
  peer.breaks();
  const again = await server.accept();
  await again.welcomes([{ u: "cyd", s: "c", p: 1 }], { hello: { resume: "SECRET" } });
  const { n: second } = await again.hears("watch", { users });
  const { n: third } = await again.hears("join", { topic: "room:1", view: "all" });
  await again.isHeard();
  assert.equal(adsum.person("dan").presence, 1, "what was known last");
  assert.equal(adsum.person("bob").state, "unknown");
  assert.equal(adsum.status.getSnapshot().phase, "connecting");
  // All at once: what a topic is told after that is not forgotten.
  again.says(
    snapshot(entries.slice(0, 1), { users }),
    { op: "ok", n: second },
    topic("room:1", ["ann"]),
    { op: "ok", n: third },
  );
  await online(adsum);
  assert.deepEqual(told.dan, ["unknown", "online"]);
  assert.deepEqual(told.eve, ["unknown", "offline"]);
  assert.equal(told.everybody.at(-1), "cyd dan");
  assert.ok(told.everybody.every((people) => people.includes("dan")), told.everybody.join());
  assert.equal(adsum.person("bob").state, "offline");
  assert.equal(room.getSnapshot().state, "joined");
  // A server that lets nobody watch any more does not leave all unknown.
  again.breaks();
  const last = await server.accept();
  await last.welcomes([], { hello: { resume: "SECRET" } });
  const { n: refused } = await last.hears("watch", { users });
  last.says({ op: "err", n: refused, code: "forbidden" });
  await until(adsum.person("dan"), ({ state }) => state === "offline");
});
