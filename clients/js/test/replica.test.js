// What the vectors do not say of the replica.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Replica } from "../dist/replica.js";
import { cases } from "./support/vectors.js";

const welcome = { op: "welcome" };
const snapshot = (entries, more = {}) => ({
  op: "snapshot", id: 10, first: true, last: true, visible: true, entries, ...more,
});

test("it is certain from the end of a snapshot of everything to the loss of the connection", () => {
  const replica = new Replica();
  const entries = [{ u: "bob", s: "b", p: 1 }];
  const states = [];
  const look = (frame) => {
    replica.apply(frame);
    states.push(replica.person("bob")?.state);
  };
  look(welcome);
  look(snapshot(entries, { users: ["bob"] }));
  look(snapshot(entries, { last: false }));
  look(snapshot([], { first: false }));
  replica.lose();
  look({ op: "visibility", id: 11, visible: true });
  look(snapshot(entries));
  look(welcome);
  const [on, un] = ["online", "unknown"];
  assert.deepEqual(states, [undefined, un, un, on, un, on, un]);
});

test("what it returns is the same object as long as nothing of it changes", () => {
  const replica = new Replica();
  const entries = [{ u: "bob", s: "b", p: { a: [1] } }, { u: "cyd", s: "c", p: 1 }];
  const topic = {
    op: "topic", id: 10, topic: "t", first: true, last: true, view: "all",
    counts: { users: 1, sessions: 1, observers: 0 }, entries: [{ u: "bob", s: "b" }],
  };
  replica.apply([welcome, snapshot(entries), topic]);
  const { people } = replica;
  const [bob, room] = [people.get("bob"), replica.topic("t")];
  replica.apply(structuredClone([snapshot(entries, { users: ["bob", "cyd"] }), topic]));
  replica.apply({ op: "presence", id: 11, u: "bob", s: "b", p: { a: [1] } });
  replica.apply({ op: "ended", id: 12, u: "dan", s: "d" });
  assert.equal(replica.people, people);
  assert.equal(replica.topic("t"), room);
  replica.apply({ op: "presence", id: 13, u: "cyd", s: "c", p: 2 });
  assert.notEqual(replica.people, people);
  assert.equal(replica.people.get("bob"), bob);
  assert.equal(people.get("cyd").presence, 1);
  replica.apply({ op: "joined", id: 14, topic: "t", u: "cyd", s: "c" });
  assert.equal(room.members.size, 1);
  assert.equal(replica.topic("t").said, room.said);
  assert.equal(replica.topic("t").members.get("bob"), room.members.get("bob"));
});

test("it holds no more than it was made for, and says when it was told more", () => {
  const replica = new Replica({ limit: 3 });
  const entries = (length) => Array.from({ length }, (_, s) => ({ u: "bob", s: `${s}`, p: 1 }));
  assert.equal(replica.apply([welcome, snapshot(entries(3))]), true);
  assert.equal(replica.apply({ op: "presence", id: 11, u: "cyd", s: "c", p: 1 }), false);
  assert.equal(replica.apply(snapshot(entries(9))), false);
  assert.equal(replica.size, 3);
  // Who is not repeated makes way for who is new.
  const others = entries(3).map((entry) => ({ ...entry, u: "dan" }));
  assert.equal(replica.apply(snapshot(others, { last: false })), true);
  assert.equal(replica.apply(snapshot([], { first: false })), true);
  assert.deepEqual([...replica.people.keys()], ["dan"]);
});

test("a snapshot of a topic says at its last part whether all of it fitted", () => {
  const counts = { users: 3, sessions: 3, observers: 0 };
  const part = (id, users, first, last) => ({
    op: "topic", id, topic: "t", first, last, view: "all", counts,
    entries: users.map((u) => ({ u, s: u })),
  });
  const heard = (limit) => {
    const replica = new Replica({ limit });
    const parts = [part(1, ["a", "b"], true), part(2, ["c"]), part(3, [], false, true)];
    return parts.map((frame) => replica.apply(frame));
  };
  assert.deepEqual(heard(4), [true, true, true]);
  assert.deepEqual(heard(3), [true, true, false]);
  assert.equal(new Replica().apply(part(1, ["a"], false, true)), false, "it is not known");
});

test("whoever takes over from a session finds room, one at a time", () => {
  const replica = new Replica({ limit: 1 });
  const frame = (op, id, s) => ({ op, id, u: "bob", s, p: op === "presence" ? s : undefined });
  replica.apply(snapshot([{ u: "bob", s: "b", p: 1 }]));
  assert.equal(replica.apply(frame("presence", 11, "c")), true);
  assert.equal(replica.apply(frame("presence", 12, "d")), false);
  assert.equal(replica.apply(frame("ended", 13, "b")), true);
  assert.deepEqual(replica.person("bob").sessions.map(({ id }) => id), ["c"]);
  assert.equal(replica.apply({ ...frame("presence", 14, "e"), u: "eve" }), false);
});

test("whoever takes over finds room among contacts and in each topic, one at a time", () => {
  const replica = new Replica({ limit: 5 });
  const entries = [{ u: "bob", s: "a", p: 1 }];
  const topic = (name) => ({
    op: "topic", topic: name, first: true, last: true, view: "all", entries,
  });
  assert.equal(replica.apply([snapshot(entries), topic("t"), topic("r")]), true);
  const said = (s) => [
    { op: "presence", u: "bob", s, p: 1 },
    ...["t", "r"].map((name) => ({ op: "joined", topic: name, u: "bob", s })),
  ];
  const over = (s) => [
    { op: "ended", u: "bob", s },
    ...["t", "r"].map((name) => ({ op: "member_ended", topic: name, u: "bob", s })),
  ];
  for (const [before, next] of ["ab", "bc", "cd"]) {
    for (const frame of said(next)) assert.equal(replica.apply(frame), true, frame.topic);
    for (const frame of said("e")) assert.equal(replica.apply(frame), false, frame.topic);
    replica.apply(over(before));
    const members = ["t", "r"].map((name) => replica.topic(name).members.get("bob"));
    for (const { sessions } of [replica.person("bob"), ...members]) {
      assert.deepEqual(sessions.map(({ id }) => id), [next]);
    }
  }
  assert.equal(replica.apply({ op: "joined", topic: "t", u: "eve", s: "e" }), false);
});

test("a topic without members takes room, or is not known", () => {
  const replica = new Replica({ limit: 2 });
  const topic = (name, id) => ({
    op: "topic", id, topic: name, first: true, last: true, view: "count", entries: [],
  });
  assert.equal(replica.apply([topic("hall", 1), topic("room", 2)]), true);
  assert.equal(replica.apply(topic("yard", 3)), false);
  assert.deepEqual(replica.topics, ["hall", "room"]);
  assert.equal(replica.apply({ op: "joined", id: 4, topic: "yard", u: "a", s: "a" }), true);
  // All topics make way for what an open snapshot of everything says, and for another topic.
  assert.equal(replica.apply(snapshot([{ u: "bob", s: "b", p: 1 }], { last: false })), true);
  assert.deepEqual([replica.topics, replica.size], [[], 1]);
  assert.equal(replica.apply([topic("hall", 11), topic("room", 12)]), true);
  assert.deepEqual([replica.topics, replica.size], [["room"], 1]);
});

// By a server that has gone mad, or by something in between.
test("whatever comes in whatever order, it does not throw, nor hold more than its limit", () => {
  let state = 1;
  const random = (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  const odd = [null, 0, -1, 1e300, "", "u1", "s1", "t0", true, [], [null], [1], {}, [{}], [[]]];
  const frames = cases().flatMap(({ frames }) => frames.flat());
  const replica = new Replica({ limit: 20 });
  for (let nth = 0; nth < 20_000; nth += 1) {
    const frame = structuredClone(frames[random(frames.length)]);
    const within = random(3) ? frame : [frame.entries, frame.changes].flat().find(Boolean) ?? frame;
    const fields = Object.keys(within);
    const field = fields[random(fields.length)];
    if (random(2)) within[field] = odd[random(odd.length)];
    else delete within[field];
    replica.apply(random(9) ? frame : odd[random(odd.length)]);
    assert.ok(replica.size <= 21 && replica.topics.length <= 20 && replica.size >= 0);
    if (nth % 50 === 0) {
      for (const name of replica.topics) assert.ok(replica.topic(name).members.size <= 20);
      assert.ok(replica.people.size <= replica.size);
    }
  }
});
