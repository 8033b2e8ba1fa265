// What a member of a room costs in socket.io's in-memory adapter, with the figures of
// benches/sockudo: a hundred thousand sessions in rooms of fifty, and the processor time of a leave
// and join and of finding the fifty. Prints nanoseconds as JSON.
import { readFileSync } from "node:fs";
import { Adapter } from "socket.io-adapter";

const SESSIONS = 100_000, IN_A_ROOM = 50, ROUNDS = 11, OPERATIONS = 20_000;

const sockets = new Map(), rooms = SESSIONS / IN_A_ROOM;
const adapter = new Adapter({ sockets, server: { encoder: {} } });
const room = (session) => `room${String((session * 7_919) % rooms).padStart(8, "0")}`;
const ids = Array.from({ length: SESSIONS }, (_, at) => `user${String(at).padStart(8, "0")}`);
ids.forEach((id, at) => {
  sockets.set(id, { id });
  adapter.addAll(id, new Set([room(at)]));
});

const times = { leave_and_join: [], find_fifty: [] };
async function time(what, work) {
  const begun = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(begun);
  times[what].push((user + system) * 1_000 / OPERATIONS);
}

for (let round = 0; round < ROUNDS; round += 1) {
  const turns = Array.from({ length: OPERATIONS }, (_, at) =>
    ((round * OPERATIONS + at) * 31_337) % SESSIONS);
  await time("leave_and_join", () => turns.forEach((at) => {
    adapter.del(ids[at], room(at));
    adapter.addAll(ids[at], new Set([room(at)]));
  }));
  await time("find_fifty", async () => {
    for (const at of turns) {
      const found = await adapter.sockets(new Set([room(at)]));
      if (found.size !== IN_A_ROOM) throw new Error(`${found.size} in a room`);
    }
  });
}
const median = (list) => Math.round(list.sort((a, b) => a - b)[list.length >> 1]);
const path = new URL("node_modules/socket.io-adapter/package.json", import.meta.url);
console.log(JSON.stringify({
  version: JSON.parse(readFileSync(path)).version,
  leave_and_join: median(times.leave_and_join), find_fifty: median(times.find_fifty),
}));
