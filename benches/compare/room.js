// Measures what a room of a server costs: its clients come in one after another and go, and then
// others connect, are told who is there, and close.
import { setTimeout as sleep } from "node:timers/promises";
import { cpuMs, memoryKib, names, paced, part, round, until } from "./measure.js";

const CLIENTS = 300, RATE = 250, PRESENT = 100;
// How long nothing may come until all has come: longer than any server here gathers.
const QUIET_MS = 500;

export async function room({ connect, port, pid, quick }) {
  const ROUNDS = quick ? 1 : 10, VISITS = quick ? 50 : 400;
  // What is done for the first time takes memory that no connection has.
  const first = await online(connect({ port, user: "first", contacts: [] }));
  await first.enter("first");
  first.close();
  await sleep(1_000);

  const before = memoryKib(pid);
  const late = new Map();
  const arrivals = [];
  const came = (user) => late.has(user) && arrivals.push(performance.now() - late.get(user));
  const clients = [];
  for (const user of names("member", CLIENTS)) {
    clients.push(Object.assign(connect({ port, user, contacts: [] }), { user, came }));
    if (clients.length % 50 === 0) await Promise.all(clients.map(online));
  }
  await sleep(1_000);
  const connected = memoryKib(pid);

  const enter = (client) => {
    late.set(client.user, performance.now());
    client.entering = client.enter("room");
  };
  const leave = (client) => client.leave("room");
  // Once for what is done once, as compilers and caches do.
  await changes(clients, enter);
  const inside = memoryKib(pid);
  await changes(clients, leave);
  arrivals.length = 0;
  const enters = [], leaves = [];
  for (let nth = 0; nth < ROUNDS; nth += 1) {
    enters.push(await changes(clients, enter));
    leaves.push(await changes(clients, leave));
  }
  arrivals.sort((a, b) => a - b);
  const figures = {
    clients: CLIENTS, rate: RATE, rounds: ROUNDS, present: PRESENT, visits: VISITS,
    enter_us: each(enters), leave_us: each(leaves),
    enter_notices: mean(enters, "notices"), leave_notices: mean(leaves, "notices"),
    wrong: mean(enters, "wrong"),
    late_p50_ms: part(arrivals, 0.5), late_p99_ms: part(arrivals, 0.99),
    connected_kib: round((connected - before) / CLIENTS),
    connection_kib: round((inside - before) / CLIENTS),
  };
  for (const client of clients.splice(PRESENT)) client.close();
  return { ...figures, ...await visits(clients) };

  // Others connect one after another and are told who is there, and nobody is told of them.
  async function visits(present) {
    await changes(present, enter);
    const heard = received(present);
    const took = [];
    const cpu = cpuMs(pid);
    for (let nth = 0; nth < VISITS; nth += 1) {
      const begun = performance.now();
      const visitor = await online(connect({ port, user: `visitor${nth}`, contacts: [] }));
      await visitor.look("room", present[0].user);
      took.push(performance.now() - begun);
      if (visitor.beliefs.size < PRESENT) {
        throw new Error(`a visitor was told of ${visitor.beliefs.size} of ${PRESENT}`);
      }
      visitor.close();
    }
    await sleep(QUIET_MS);
    const spent = cpuMs(pid) - cpu;
    if (received(present) !== heard) throw new Error("a visitor was announced to somebody");
    took.sort((a, b) => a - b);
    return { visit_us: round(spent * 1_000 / VISITS, 0), visit_p50_ms: part(took, 0.5) };
  }

  // Lets all do something; returns what that cost, and how many notices were received.
  async function changes(all, does) {
    const [cpu, heard] = [cpuMs(pid), received(all)];
    await paced(all, RATE, does);
    await within(Promise.all(all.map((client) => client.entering)), all);
    await quiet(all);
    const wrong = all.filter(({ beliefs }) => beliefs.size !== all.length).length;
    return { cpu: cpuMs(pid) - cpu, notices: received(all) - heard, wrong };
  }
}

const online = (client) => client.online;
const received = (clients) => clients.reduce((sum, { notices }) => sum + notices, 0);
const sum = (all, name) => all.reduce((total, one) => total + one[name], 0);
const each = (all) => round(sum(all, "cpu") * 1_000 / sum(all, "notices"), 2);
const mean = (all, name) => round(sum(all, name) / all.length);

// Waits for something, but not for ever.
function within(promise, clients) {
  const late = sleep(30_000).then(() => {
    throw new Error(`no list has come: ${clients.find(({ fault }) => fault)?.fault}`);
  });
  return Promise.race([promise, late]);
}

async function quiet(clients) {
  let count = -1, at = performance.now();
  const { holds } = await until(() => {
    const now = received(clients);
    if (now !== count) [count, at] = [now, performance.now()];
    return performance.now() - at > QUIET_MS;
  }, 30_000);
  if (!holds) throw new Error("notices do not end");
}
