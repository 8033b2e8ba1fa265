// What is read of a server's process, and how it is waited for.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

// The processor time of a process so far, which the kernel tells in hundredths of a second.
export function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

// The resident memory of a process.
export function memoryKib(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);
}

export async function until(holds, limitMs, everyMs = 20) {
  const begun = performance.now();
  while (!holds() && performance.now() - begun < limitMs) await sleep(everyMs);
  return { holds: holds(), afterMs: performance.now() - begun };
}

// Does something with each of these, so many a second.
export async function paced(all, rate, does) {
  const begun = performance.now();
  for (const [at, one] of all.entries()) {
    const wait = begun + at * 1_000 / rate - performance.now();
    if (wait > 0) await sleep(wait);
    does(one, at);
  }
}

// What this share of some figures is at most, in their order.
export const part = (sorted, share) => round(sorted[Math.floor((sorted.length - 1) * share)], 2);

export const names = (name, count) => Array.from({ length: count }, (_, at) => `${name}${at}`);
export const round = (number, digits = 1) => Number(number.toFixed(digits));
