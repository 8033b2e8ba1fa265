// A page of a browser: it is left, comes back, and is loaded anew.

import assert from "node:assert/strict";
import { test } from "node:test";
import { online, serve, until } from "./support/server.js";

/** Has `globalThis` be a page's, for the length of a test. */
function page(t) {
  const listeners = new Map();
  const kept = new Map();
  const own = {
    addEventListener: (event, listener) => listeners.set(event, listener),
    removeEventListener: (event, listener) => {
      if (listeners.get(event) === listener) listeners.delete(event);
    },
    sessionStorage: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
    },
  };
  const before = Object.keys(own).map((name) => [
    name,
    Object.getOwnPropertyDescriptor(globalThis, name),
  ]);
  for (const [name, value] of Object.entries(own)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  t.after(() => {
    for (const [name, was] of before) {
      if (was) Object.defineProperty(globalThis, name, was);
      else delete globalThis[name];
    }
  });
  /** Has another page take its place; returns how the browser shows this one again. */
  const another = () => {
    const before = new Map(listeners);
    listeners.clear();
    return () => {
      listeners.clear();
      for (const [event, listener] of before) listeners.set(event, listener);
    };
  };
  return { kept, listeners, another, fire: (event) => listeners.get(event)?.() };
}

test("a session is kept only from when its page is left until the next one", async (t) => {
  const { kept, listeners, fire } = page(t);
  const server = await serve(t);
  const adsum = server.client({ storage: undefined });
  const peer = await server.accept();
  await peer.welcomes();
  await online(adsum);
  fire("pageshow");
  // A tab that is duplicated now has no session to take over.
  assert.equal(kept.size, 0);
  fire("pagehide");
  assert.deepEqual([...kept.entries()], [[`adsum ${server.url}`, '["SECRET",false]']]);
  assert.equal(await peer.closed, 4000, "the session goes away, and does not end");
  // The browser keeps the page, and shows it again.
  fire("pageshow");
  assert.equal(kept.size, 0);
  await (await server.accept()).welcomes([], { hello: { resume: "SECRET" } });
  await online(adsum);
  fire("pagehide");
  const next = server.client({ storage: undefined });
  assert.equal(kept.size, 0, "the next page has taken it");
  const hello = { resume: "SECRET" };
  await (await server.accept()).welcomes([], { hello, welcome: { resumed: true } });
  await online(next);
  next.close();
  assert.equal(listeners.size, 0);
  fire("pagehide");
  assert.equal(kept.size, 0, "who has logged out leaves nothing");
});

test("that the network is gone is taken from the browser, which knows first", async (t) => {
  const { fire } = page(t);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes();
  await online(adsum);
  fire("offline");
  assert.equal(adsum.status.getSnapshot().phase, "waiting");
  assert.equal(await peer.closed, 4000, "the session goes away, and does not end");
  fire("online");
  await (await server.accept()).welcomes([], { hello: { resume: "SECRET" } });
  await online(adsum);
});

test("it comes back at once when the network does", async (t) => {
  const { fire } = page(t);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const server = await serve(t);
  const adsum = server.client();
  const peer = await server.accept();
  await peer.welcomes();
  await online(adsum);
  peer.breaks();
  await until(adsum.status, ({ phase }) => phase === "waiting");
  fire("online");
  await (await server.accept()).welcomes([], { hello: { resume: "SECRET" } });
  await online(adsum);
});

test("a page that is shown again goes on with what the page after it left", async (t) => {
  const { fire, another } = page(t);
  const server = await serve(t);
  // A page that the browser keeps has no timers that run.
  const frozen = { minBackoffMs: 60_000, maxBackoffMs: 60_000 };
  const first = server.client({ storage: undefined, ...frozen });
  const peer = await server.accept();
  await peer.welcomes();
  await online(first);
  const said = first.publish("the first page's");
  await peer.accepts("publish", { p: "the first page's" });
  await said;
  const room = first.join("room:1");
  await peer.accepts("join", { topic: "room:1", view: "all" });
  await peer.isHeard();
  fire("pagehide");
  // The next page has listeners of its own, and the same storage.
  const back = another();
  const second = server.client({ storage: undefined, ...frozen });
  const next = await server.accept();
  const welcome = { resumed: true, resume: "NEWER" };
  await next.welcomes([], { hello: { resume: "SECRET" }, welcome });
  await online(second);
  fire("pagehide");
  back();
  fire("pageshow");
  const last = await server.accept();
  const now = { resumed: true, resume: "NEWEST", p: "the second page's", for: 60_000 };
  await last.welcomes([], { hello: { resume: "NEWER" }, welcome: now });
  // The page between has left its rooms.
  await last.accepts("join", { topic: "room:1", view: "all" });
  await online(first);
  assert.equal(first.shown, "the second page's");
  await last.isHeard();
  assert.equal(last.unheard, 0);
  assert.notEqual(room.getSnapshot().state, "closed");
});

// Whether it hides again is seen from what it says first.
for (const [who, welcome, first] of [
  ["who was invisible is so after a reload, though the session is lost", {}, "invisible"],
  ["whom another device has made visible is so after a reload", { seen: true }, "publish"],
  ["whoever else is let in after a reload is visible", { u: "somebody else" }, "publish"],
]) {
  test(who, async (t) => {
    const { fire, another } = page(t);
    const server = await serve(t);
    const frozen = { minBackoffMs: 60_000, maxBackoffMs: 60_000 };
    const client = () => server.client({ storage: undefined, ...frozen });
    const one = client();
    const peer = await server.accept();
    await peer.welcomes();
    await online(one);
    const hidden = one.invisible();
    await peer.accepts("invisible");
    await hidden;
    fire("pagehide");
    another();
    // This page is left before anybody is welcome.
    client();
    await (await server.accept()).hears("hello", { token: "TOKEN", resume: "SECRET" });
    fire("pagehide");
    another();
    const said = client().publish("here");
    const last = await server.accept();
    await last.welcomes([], { hello: { resume: "SECRET" }, welcome });
    await last.accepts(first, first === "publish" ? { p: "here" } : {});
    if (first !== "publish") await last.accepts("publish", { p: "here" });
    await said;
  });
}
