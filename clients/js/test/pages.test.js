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
  return { kept, listeners, fire: (event) => listeners.get(event)?.() };
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
  assert.deepEqual([...kept.entries()], [[`adsum ${server.url}`, "SECRET"]]);
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
