// Three nodes of each, the same things happening to both: when is what is believed right again, and
// what was wrong meanwhile? See `run`.

import { parseArgs } from "node:util";
import * as adsum from "./adsum.mjs";
import * as tracker from "./tracker.mjs";

const text = (name) => ({ [name]: { type: "string" } });
const { values: given } = parseArgs({
  options: { ...text("pubsub"), ...text("server"), ...text("nats"), ...text("client") },
});

const NODES = ["a", "b", "c"];
// Of each node. Few enough for everybody to be shown everybody.
const USERS = 60;
const EVERY_MS = 20;
const CUT_MS = 20_000;
// How long something is waited for.
const PATIENCE_MS = 120_000;

const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const usersOf = (node) => Array.from({ length: USERS }, (_, at) => `user-${node}-${at}`);
const EVERYBODY = NODES.flatMap(usersOf);

/** Looks at what is believed at the nodes until it has been right for a while. */
async function watch(world, nodes, truth, lasts) {
  const start = performance.now();
  const [all, there] = [nodes.map((node) => world.believes(node)), new Set(truth)];
  for (const { gone } of all) gone.length = 0;
  let [right, last, wrong] = [0, start, 0];
  for (;;) {
    await rest(EVERY_MS);
    const now = performance.now();
    const isWrong = ({ has }) => EVERYBODY.filter((user) => has(user) !== there.has(user));
    const mistakes = all.flatMap(isWrong);
    wrong += (mistakes.length * (now - last)) / 1_000;
    if (mistakes.length > 0) right = now;
    last = now;
    if (now - Math.max(right, start) > 3_000 && now > start + lasts) break;
    if (now - start > PATIENCE_MS) return { never: mistakes.length };
  }
  const said = all.flatMap(({ gone: told }) => told.filter((user) => there.has(user))).length;
  return { seconds: Math.max(right - start, 0) / 1_000, wrong, said };
}

async function scenario(world, title, nodes, truth, happens, lasts = 0) {
  const watching = watch(world, nodes, truth, lasts);
  await happens();
  const { never, seconds, wrong, said } = await watching;
  const figures = never
    ? `${never} wrong after ${PATIENCE_MS / 1_000} s`
    : `right after ${seconds.toFixed(1)} s, wrong ${wrong.toFixed(0)} user seconds, ` +
      `said to be gone and was not ${said}`;
  console.log(`${title.padEnd(52)} ${figures}`);
}

async function play({ name, start }, given) {
  console.log(`\n${name}: three nodes, ${USERS} users at each, all in one room`);
  const world = await start(NODES, given);
  try {
    await scenario(world, "everybody enters", NODES, EVERYBODY, async () => {
      for (const node of NODES) for (const user of usersOf(node)) world.enter(node, user);
    });
    const cut = `c is cut from the others for ${CUT_MS / 1_000} s`;
    await scenario(world, cut, NODES, EVERYBODY, () => {
      world.cut("c");
      setTimeout(() => world.heal("c"), CUT_MS);
    }, CUT_MS + 20_000);
    await scenario(world, "c is killed, its users come to a", ["a", "b"], EVERYBODY, async () => {
      world.kill("c");
      await rest(500);
      for (const user of usersOf("c")) world.enter("a", user);
    }, 90_000);
    const left = EVERYBODY.filter((user) => !usersOf("b").includes(user));
    await scenario(world, "b is killed, its users do not come back", ["a"], left, () => {
      world.kill("b");
    });
    if (world.bench) {
      const [again, list, bytes] = await world.bench("a");
      console.log("one node, 500 rooms of fifty:");
      console.log(`leave and enter a room ${again.toFixed(0)} ns`);
      console.log(`list one ${list.toFixed(0)} ns`);
      console.log(`a presence ${bytes.toFixed(0)} B`);
    }
  } finally {
    await world.end();
  }
}

await play(adsum, given);
await play(tracker, given.pubsub);
process.exit(0);
