// The client against the server itself: what both make of the protocol's page is the same.
//
// `ADSUM_SERVER` names the program.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { WebSocket as Ws } from "ws";
import { connect } from "../dist/index.js";
import { online, until } from "./support/server.js";

const PROGRAM = process.env.ADSUM_SERVER;
const SECRET = "a secret for this test alone, long enough";
const skip = PROGRAM ? false : "SKIPPED: THE SERVER ITSELF: ADSUM_SERVER names no program";

/** Starts the server. Returns its address, and how to end it. */
async function start(t, ...rates) {
  const flags = ["--client-listen", "127.0.0.1:0", "--store", "jwt", "--jwt-secret", SECRET];
  const more = ["--watch", "anyone", "--topics", "room:*"];
  const stdio = ["ignore", "pipe", "ignore"];
  const server = spawn(PROGRAM, [...flags, ...more, ...rates], { stdio, env: {} });
  const clients = [];
  t.after(async () => {
    clients.forEach((adsum) => adsum.close());
    server.kill("SIGKILL");
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
  });
  for await (const line of createInterface({ input: server.stdout })) {
    const address = /ws:\/\/([^/\s]+)/.exec(line)?.[1];
    if (!address) continue;
    server.stdout.resume();
    return {
      process: server,
      client(user, contacts, options = {}) {
        const token = () => signed({ sub: user, "adsum.contacts": contacts });
        const WebSocket = Breakable;
        const own = { token, WebSocket, storage: null, minBackoffMs: 1, maxBackoffMs: 20 };
        const adsum = connect(`ws://${address}/v1`, { ...own, ...options });
        clients.push(adsum);
        return adsum;
      },
    };
  }
  throw new Error("it does not say where it is");
}

/** A connection that a test can break. */
class Breakable extends Ws {
  static all = new Set();
  constructor(...given) {
    super(...given);
    Breakable.all.add(this);
    this.addEventListener("close", () => Breakable.all.delete(this));
  }
}

function signed(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1_000) + 600;
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ ...claims, exp })}`;
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}

test("contacts see each other, through reconnects, and hear of the end", { skip }, async (t) => {
  const server = await start(t);
  const ann = server.client("ann", ["bob"]);
  const bob = server.client("bob", ["ann"]);
  await Promise.all([online(ann), online(bob)]);
  assert.equal(ann.person("bob").state, "offline");
  await bob.publish({ text: "here" });
  const seen = await until(ann.person("bob"), ({ state }) => state === "online");
  assert.deepEqual(seen.presence, { text: "here" });
  await ann.publish("in a call", { for: 60_000, then: "back" });
  await until(bob.person("ann"), ({ presence }) => presence === "in a call");
  await bob.direct("ann", "typing", { for: 50 });
  await until(ann.person("bob"), ({ said }) => said === "typing");
  await until(ann.person("bob"), ({ said }) => said === undefined);
  // All connections break; nobody is told that anybody was gone.
  const heard = [];
  for (const adsum of [ann, bob]) adsum.on("offline", ({ u }) => heard.push(u));
  const sessions = [ann, bob].map((adsum) => adsum.status.getSnapshot().session);
  for (const socket of Breakable.all) socket.terminate();
  await Promise.all([ann, bob].map((adsum) => until(adsum.status, gone)));
  await Promise.all([online(ann), online(bob)]);
  const resumed = [ann, bob].map((adsum) => adsum.status.getSnapshot().session);
  assert.deepEqual(resumed, sessions, "the sessions go on");
  assert.deepEqual(ann.person("bob").presence, { text: "here" });
  assert.deepEqual(heard, []);
  await bob.withdraw();
  await until(ann.person("bob"), ({ state }) => state === "offline");
  await bob.publish(1);
  await until(ann.person("bob"), ({ state }) => state === "online");
  await bob.invisible();
  await until(ann.person("bob"), ({ state }) => state === "offline");
  assert.equal(bob.visibility.getSnapshot(), false);
  await bob.visible();
  await until(ann.person("bob"), ({ presence }) => presence === 1);
  bob.close();
  await until(ann.person("bob"), ({ state }) => state === "offline");
});

test("the first example of the README does as it is written", { skip }, async (t) => {
  const server = await start(t);
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = /```js\n([^]*?)```/.exec(readme)[1].replace(/^import .*/, "");
  const failed = [];
  const onError = (error) => failed.push(error.code ?? error);
  const names = {
    connect: () => server.client("ann", ["bob"], { onError }),
    draw: (people) => assert.ok(people instanceof Map),
    drawCursors: (members) => assert.deepEqual([...members.keys()], ["ann"]),
  };
  const run = new Function(...Object.keys(names), `${code}; return { adsum, room };`);
  const { adsum, room } = run(...Object.values(names));
  const { members } = await until(room, ({ members }) => members.get("ann")?.presence.cursor === 7);
  assert.equal(members.size, 1);
  assert.equal(adsum.person("bob").state, "offline");
  assert.equal(adsum.shown.text, "in a call");
  assert.deepEqual(failed, []);
});

test("the last of many words gets out, however fast they are said", { skip }, async (t) => {
  const server = await start(t, "--request-burst", "10", "--security-reqhzsecond", "20");
  const refused = [];
  const onError = ({ code }) => refused.push(code);
  const ann = server.client("ann", ["bob"], { onError });
  const bob = server.client("bob", ["ann"]);
  await Promise.all([online(ann), online(bob)]);
  const room = ann.join("room:1");
  const seen = bob.join("room:1");
  const said = [];
  for (let nth = 0; nth < 200; nth += 1) said.push(room.update(nth), ann.publish({ nth }));
  await until(seen, ({ members }) => members.get("ann")?.presence === 199);
  await until(bob.person("ann"), ({ presence }) => presence?.nth === 199);
  await Promise.all(said);
  assert.ok(refused.length > 0 && refused.every((code) => code === "rate"), "it was too fast");
});

const gone = ({ phase }) => phase !== "online";

test("rooms have the same members for all, and forget who leaves", { skip }, async (t) => {
  const server = await start(t);
  const users = ["ann", "bob", "cyd"];
  const clients = users.map((user) => server.client(user, []));
  const rooms = [];
  for (const adsum of clients) {
    await online(adsum);
    const room = adsum.join("room:42", { presence: { cursor: null } });
    await until(room, ({ state }) => state === "joined");
    rooms.push(room);
  }
  for (const room of rooms) {
    const { members } = await until(room, ({ count }) => count === 3);
    assert.deepEqual([...members.keys()], users);
  }
  await rooms[1].update({ cursor: 7 });
  await until(rooms[0], ({ members }) => members.get("bob").presence.cursor === 7);
  await rooms[2].say("hello", { for: 40 });
  await until(rooms[0].said, ([said]) => said?.presence === "hello" && said.user === "cyd");
  await until(rooms[0].said, ({ length }) => length === 0);
  const watcher = server.client("dan", []);
  const counted = watcher.join("room:42", { observe: true, view: "count" });
  await until(counted, ({ count, counts }) => count === 3 && counts.observers === 1);
  await counted.lookAt(["bob"]);
  await until(counted.members, (members) => members.has("bob"));
  await counted.look("nothing");
  await rooms[1].leave();
  await until(rooms[0], ({ members }) => !members.has("bob"));
  await assert.rejects(clients[0].join("room:42").update(null), ({ code }) => code === "missing");
  const secret = clients[0].join("secret");
  assert.equal((await until(secret, ({ state }) => state === "closed")).code, "forbidden");
});

test("who is watched is seen, and forgotten by who watches no longer", { skip }, async (t) => {
  const server = await start(t);
  const ann = server.client("ann", []);
  const dan = server.client("dan", []);
  await dan.publish("on stage");
  await ann.watch(["dan"]);
  assert.equal(ann.person("dan").presence, "on stage");
  await ann.unwatch(["dan"]);
  assert.equal(ann.person("dan").state, "offline");
});

test("a page that is loaded anew, and one that logs in as another user", { skip }, async (t) => {
  const server = await start(t);
  const kept = new Map();
  const storage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
  const first = server.client("ann", [], { storage });
  await first.publish("here");
  const room = first.join("room:1", { presence: 1 });
  await until(room, ({ state }) => state === "joined");
  const { session } = first.status.getSnapshot();
  const second = server.client("ann", [], { storage });
  await online(second);
  assert.equal(second.status.getSnapshot().session, session);
  assert.equal(second.shown, "here");
  // Another page has the session: the first one is not to come back.
  const { code } = await until(first.status, ({ phase }) => phase === "closed");
  assert.equal(code, "replaced");
  const again = second.join("room:1", { presence: 2 });
  const { members } = await until(again, ({ members }) => members.get("ann")?.presence === 2);
  assert.equal(members.size, 1);
  assert.equal(kept.size, 1);
  const other = server.client("bob", [], { storage });
  await online(other);
  assert.equal(other.status.getSnapshot().user, "bob");
  assert.equal(second.status.getSnapshot().phase, "online");
});

test("a page that is loaded anew knows what its session shows, and is in", { skip }, async (t) => {
  const server = await start(t);
  const kept = new Map();
  const storage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
  const bob = server.client("bob", ["ann"]);
  const member = bob.join("room:member");
  const observer = bob.join("room:observer");
  const first = server.client("ann", ["bob"], { storage });
  const rooms = [
    first.join("room:observer", { presence: 1 }),
    first.join("room:member", { observe: true }),
  ];
  for (const room of rooms) await until(room, ({ state }) => state === "joined");
  await until(observer.members, (members) => members.has("ann"));
  await first.publish("busy", { for: 60_000, then: "back" });
  const second = server.client("ann", ["bob"], { storage });
  await online(second);
  assert.equal(second.shown, "busy");
  second.join("room:observer", { observe: true });
  second.join("room:member", { presence: 2 });
  await until(member.members, (members) => members.get("ann")?.presence === 2);
  await until(observer.members, (members) => !members.has("ann"));
  // The session ends, and what it showed does not become endless.
  const said = [];
  const trace = (direction, frame) => direction === ">" && said.push(frame);
  const third = server.client("ann", ["bob"], { storage, trace });
  await online(third);
  const session = third.status.getSnapshot().session;
  [...Breakable.all].at(-1).close(1000);
  await until(third.status, (status) => status.phase === "online" && status.session !== session);
  const { then, for: leftMs } = said.find(({ op }) => op === "publish");
  assert.ok(then === "back" && leftMs > 0 && leftMs <= 60_000, `${leftMs}`);
});

test("who was invisible comes back so, and hides nobody who is seen", { skip }, async (t) => {
  const server = await start(t);
  const slow = { minBackoffMs: 60_000, maxBackoffMs: 60_000 };
  const bob = server.client("bob", ["ann"]);
  await online(bob);
  const heard = [];
  for (const op of ["presence", "offline"]) bob.on(op, ({ u, p }) => heard.push([op, u, p]));
  const ann = server.client("ann", ["bob"], slow);
  await online(ann);
  const [socket] = [...Breakable.all].slice(-1);
  await ann.invisible();
  await ann.publish("at the desk");
  // The session ends, and with it all that the server knew of ann.
  socket.close(1000);
  await until(ann.status, ({ phase }) => phase === "waiting");
  ann.reconnect();
  await until(ann.visibility, (visible) => visible === false);
  await ann.direct("bob", "psst");
  await until(bob.person("ann"), ({ said }) => said === "psst");
  assert.deepEqual(heard, []);
  // Once more, and meanwhile a phone shows itself.
  const [again] = [...Breakable.all].slice(-1);
  again.close(1000);
  await until(ann.status, ({ phase }) => phase === "waiting");
  const phone = server.client("ann", ["bob"]);
  await phone.publish("on the phone");
  await until(bob.person("ann"), ({ presence }) => presence === "on the phone");
  ann.reconnect();
  await until(bob.person("ann"), ({ sessions }) => sessions.length === 2);
  await until(ann.visibility, (visible) => visible === true);
  assert.deepEqual(heard, [
    // What it had directed to bob held no more when the second session ended.
    ["offline", "ann", undefined],
    ["presence", "ann", "on the phone"],
    ["presence", "ann", "at the desk"],
  ]);
});

test("what one user said is never said as another", { skip }, async (t) => {
  const server = await start(t);
  let sub = "ann";
  const token = () => signed({ sub, "adsum.contacts": ["eve"] });
  const adsum = server.client("", [], { token });
  const eve = server.client("eve", ["ann", "bob"]);
  await Promise.all([online(adsum), online(eve)]);
  const heard = [];
  for (const op of ["presence", "directed"]) eve.on(op, ({ u, p }) => heard.push([u, p]));
  for (const socket of Breakable.all) socket.terminate();
  await Promise.all([until(adsum.status, gone), until(eve.status, gone)]);
  sub = "bob";
  const said = [adsum.publish("of ann"), adsum.direct("eve", "of ann")];
  for (const one of said) await assert.rejects(one, { code: "other_user" });
  await Promise.all([online(adsum), online(eve)]);
  await adsum.publish("of bob");
  await until(eve.person("bob"), ({ presence }) => presence === "of bob");
  assert.deepEqual(heard, [["bob", "of bob"]]);
});

test("who is watched is seen through the loss of a session, of 4,800 too", { skip }, async (t) => {
  const server = await start(t, "--max-watched", "5000");
  const tom = server.client("tom", []);
  await tom.publish("here");
  const ann = server.client("ann", []);
  await online(ann);
  const [socket] = [...Breakable.all].slice(-1);
  const id = (_, nth) => `user-${String(nth).padStart(12, "0")}`;
  const others = Array.from({ length: 4_799 }, id);
  await ann.watch([...others, "tom"]);
  const states = [];
  ann.person("tom").subscribe(({ state }) => states.push(state));
  socket.close(1000);
  await until(ann.status, gone);
  await online(ann);
  assert.deepEqual([ann.person("tom").presence, states], ["here", ["unknown", "online"]]);
});

test("a server that stops sends its clients away, to come back", { skip }, async (t) => {
  const server = await start(t);
  const ann = server.client("ann", []);
  await online(ann);
  server.process.kill("SIGTERM");
  const { code, retryAt } = await until(ann.status, ({ phase }) => phase === "waiting");
  assert.equal(code, "shutdown");
  assert.ok(retryAt >= Date.now() - 1_000);
});

test("a token that is not good ends it, and says so", { skip }, async (t) => {
  const server = await start(t);
  const refused = [];
  const options = { token: "no token", onError: ({ code }) => refused.push(code) };
  const nobody = server.client("nobody", [], options);
  const { code } = await until(nobody.status, ({ phase }) => phase === "closed");
  assert.deepEqual([code, refused], ["unauthorized", ["unauthorized"]]);
});
