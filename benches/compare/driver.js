// Measures one server: `node driver.js measure|vanish|room KIND PORT PID`, and prints JSON.
//
// "measure": how much memory a connection takes, what one user's publishes to 200 cost and how late
// they come, and what readers believe that have read nothing for a while. "vanish": what is
// believed of clients whose process is killed, comes back, or hangs. "room": see room.js.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuMs, memoryKib, names, paced, part, round, until } from "./measure.js";
import { room } from "./room.js";

const [, , what, kind, port, pid, family_name] = process.argv;
const { connect } = await import(`./clients/${kind}.js`);
const quick = process.env.COMPARE_QUICK === "1";
const FRIENDS = 200, OTHERS = 800, RATE = 20, SECONDS = quick ? 2 : 10;
const SLOW = 4, MEGABYTES = quick ? 2 : 12, TEXT_BYTES = 3_000, AT_ONCE = 16;
const VANISH = 20, LONGEST_S = quick ? 5 : 150;

const cpu = () => cpuMs(pid);
const memory = () => memoryKib(pid);

// Connects these users to each other by way of one: it is everybody's contact, and in their room.
async function star(one, others, told) {
  const room = `room-${one}`;
  const all = [];
  for (const user of [one, ...others]) {
    const contacts = user === one ? others : [one];
    all.push(connect({ port, user, contacts, room, told }));
    if (all.length % 50 === 0) await Promise.all(all.map((client) => client.online));
  }
  await Promise.all(all.map((client) => client.online));
  const [first, ...friends] = all;
  if (first.befriend) await befriend(first, one, friends, others);
  return [first, friends];
}

// Contacts that servers keep are made by asking and saying yes, in both directions.
async function befriend(first, one, friends, others) {
  for (const [at, friend] of friends.entries()) {
    friend.befriend(one);
    first.befriend(others[at]);
    if (at % 20 === 19) await first.settled();
  }
  const knows = () => first.beliefs.size >= others.length
    && friends.every((friend) => friend.beliefs.has(one));
  const { holds } = await until(knows, 20_000);
  if (!holds) throw new Error(`only ${first.beliefs.size} of ${others.length} became contacts`);
}

async function measure() {
  const late = [];
  const [ann, friends] = await star("ann", names("friend", FRIENDS), (client, user, value) => {
    if (user === "ann" && value.at) late.push(performance.now() - value.at);
  });
  await sleep(1_000);
  const before = memory(), others = [];
  for (const user of names("other", OTHERS)) {
    others.push(connect({ port, user, contacts: [], room: `room-${user}` }));
    if (others.length % 50 === 0) await Promise.all(others.map((client) => client.online));
  }
  await sleep(1_000);
  const connections = 1 + FRIENDS + OTHERS, connection_kib = (memory() - before) / OTHERS;

  // Once for what is done once, as compilers and caches do.
  const warm = await publishes(ann, RATE, 2);
  await until(() => late.length >= warm * FRIENDS, 10_000);
  late.length = 0;
  const [cpuBefore, ownBefore] = [cpu(), process.cpuUsage()];
  const published = await publishes(ann, RATE, SECONDS);
  await until(() => late.length >= published * FRIENDS, 5_000);
  const spent = cpu() - cpuBefore, own = process.cpuUsage(ownBefore);
  late.sort((a, b) => a - b);
  const figures = {
    connections, connection_kib: round(connection_kib), published,
    delivered: late.length, missing: published * FRIENDS - late.length,
    cpu_us: round(spent * 1_000 / late.length, 2), driver_us:
      round((own.user + own.system) / late.length, 2),
    p50_ms: part(late, 0.5), p90_ms: part(late, 0.9), p99_ms: part(late, 0.99),
    max_ms: round(late.at(-1), 2),
  };
  for (const client of [...others, ...friends, ann]) client.close();
  await sleep(1_000);
  return { ...figures, slow: await slowReaders() };
}

async function publishes(client, rate, seconds) {
  const all = names("", rate * seconds);
  await paced(all, rate, (text) => {
    client.publish({ show: "busy", text, at: performance.now() });
  });
  return all.length;
}

// Some read nothing while much is published, and one of their contacts leaves.
async function slowReaders() {
  const [sue, [quick, ...slow]] = await star("sue", names("reader", 1 + SLOW));
  const before = memory(), text = "x".repeat(TEXT_BYTES);
  const readBefore = slow.map((client) => client.received);
  slow.forEach((client) => client.pause());
  const count = Math.floor(MEGABYTES * 1e6 / TEXT_BYTES);
  const seen = () => quick.beliefs.get("sue")?.nth ?? -1;
  let most = 0, nth = 0, refused = false;
  for (; nth < count && !refused; nth += 1) {
    sue.publish({ show: "busy", text, nth });
    if (nth % AT_ONCE === 0) {
      most = Math.max(most, memory());
      refused = !(await until(() => seen() >= nth - AT_ONCE, 5_000, 1)).holds;
    }
  }
  const last = { show: "away", nth: count };
  sue.publish(last);
  await until(() => seen() === count, 5_000);
  most = Math.max(most, memory());
  slow.forEach((client) => client.resume());
  const isRight = (client) => !client.isClosed && client.beliefs.get("sue")?.nth === count;
  const { afterMs } = await until(() => slow.every(isRight), 15_000);
  const open = slow.filter((client) => !client.isClosed);
  const read = slow.map((client, at) => client.received - readBefore[at]);
  const figures = {
    readers: SLOW, published: nth, megabytes_each: round(nth * TEXT_BYTES / 1e6),
    server_mib: round((most - before) / 1024), closed: SLOW - open.length,
    wrong: open.filter((client) => !isRight(client)).length,
    right_after_ms: open.every(isRight) && open.length ? Math.round(afterMs) : null,
    read: Math.round(read.reduce((sum, each) => sum + each, 0) / SLOW),
  };
  for (const client of [sue, quick, ...slow]) client.close();
  return figures;
}

// The clients of a family, in a process of their own that ends or hangs.
async function family() {
  const contacts = [`of-${family_name}`], room = `room-of-${family_name}`;
  const all = names(family_name, VANISH).map((user) => connect({ port, user, contacts, room }));
  await Promise.all(all.map((client) => client.online));
  all.forEach((client) => client.publish({ show: "here" }));
  all.forEach((client) => client.befriend?.(contacts[0]));
  setInterval(() => all.forEach((client) => client.ping()), 20_000);
  console.log("up");
}

async function start(name) {
  const words = [process.argv[1], "family", kind, port, pid, name];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  process.on("exit", () => child.kill("SIGKILL"));
  const [said] = await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  if (!String(said).startsWith("up")) throw new Error("a process of clients has not come up");
  return child;
}

// Whom one client believes to be there when the process of its contacts ends or hangs.
async function vanish() {
  const [back, killed, hung] = await Promise.all(["back", "killed", "hung"].map(async (name) => {
    const contacts = names(name, VANISH), room = `room-of-${name}`;
    const one = connect({ port, user: `of-${name}`, contacts, room });
    await one.online;
    const child = await start(name);
    one.befriend && contacts.forEach(one.befriend);
    const others = () => [...one.beliefs.keys()].filter((user) => user !== `of-${name}`).length;
    if (!(await until(() => others() === VANISH, 20_000)).holds) {
      throw new Error(`${name}: only ${others()} of ${VANISH} are there`);
    }
    const told = [], { gone } = one;
    one.gone = (user) => { told.push(user); gone(user); };
    return { name, one, child, others, told };
  }));
  const timer = setInterval(() => [back, killed, hung].forEach(({ one }) => one.ping()), 20_000);
  const isGone = async ({ others }) => {
    const { holds, afterMs } = await until(() => others() === 0, LONGEST_S * 1_000);
    return { right_after_s: holds ? round(afterMs / 1_000) : null, wrong: others() };
  };
  back.child.kill("SIGKILL");
  killed.child.kill("SIGKILL");
  hung.child.kill("SIGSTOP");
  const ends = Promise.all([isGone(killed), isGone(hung)]);
  await sleep(2_000);
  const again = await start("back");
  await sleep(3_000);
  const figures = { back: { told_gone: back.told.length, wrong: VANISH - back.others() } };
  [figures.killed, figures.hung] = await ends;
  clearInterval(timer);
  again.kill("SIGKILL");
  hung.child.kill("SIGKILL");
  return { clients: VANISH, longest_s: LONGEST_S, ...figures };
}

if (what === "family") {
  await family();
} else {
  console.log(JSON.stringify(await { measure, vanish, room }[what]({ connect, port, pid, quick })));
  process.exit();
}
