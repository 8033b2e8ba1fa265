// Three nodes of Phoenix.Tracker on this machine.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, lines } from "./processes.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
export const name = "Phoenix.Tracker";

/** Compiles the library, whose sources are in this directory, and starts its nodes. */
export async function start(names, sources) {
  const built = mkdtempSync(join(tmpdir(), "tracker-"));
  const files = readdirSync(join(sources, "lib"), { recursive: true })
    .filter((file) => file.endsWith(".ex"))
    .map((file) => join(sources, "lib", file));
  execFileSync("elixirc", ["-o", built, ...files], { stdio: ["ignore", "ignore", "inherit"] });
  const port = await freePort();
  const env = { ...process.env, ERL_EPMD_ADDRESS: "127.0.0.1", ERL_EPMD_PORT: String(port) };
  const daemon = spawn("epmd", [], { env, stdio: "ignore" });
  const nodes = new Map();
  for (const node of names) nodes.set(node, await startNode(node, built, env));
  for (const [node, { says }] of nodes) {
    for (const other of names) if (other !== node) says(`connect ${full(other)}`);
  }
  return {
    believes: (node) => nodes.get(node).believed,
    enter: (node, user) => nodes.get(node).says(`track ${user}`),
    kill(node) {
      nodes.get(node).process.kill("SIGKILL");
      nodes.delete(node);
    },
    cut: (node) => toEachOther(node, "cut"),
    heal: (node) => toEachOther(node, "heal"),
    /** Nanoseconds to leave and enter a room of fifty, to list it, and bytes a presence. */
    async bench(node) {
      nodes.get(node).says("bench");
      return nodes.get(node).measured;
    },
    async end() {
      const all = [...nodes.values()].map(({ process }) => process);
      for (const process of [...all, daemon]) {
        process.kill("SIGKILL");
        if (process.exitCode === null && process.signalCode === null) await once(process, "exit");
      }
      rmSync(built, { recursive: true });
    },
  };

  function toEachOther(node, order) {
    for (const [other, { says }] of nodes) {
      if (other === node) continue;
      says(`${order} ${full(node)}`);
      nodes.get(node).says(`${order} ${full(other)}`);
    }
  }
}

const full = (node) => `${node}@127.0.0.1`;

async function startNode(node, built, env) {
  const flags = "-kernel inet_dist_use_interface {127,0,0,1} -setcookie tracker";
  const script = join(HERE, "node.exs");
  const args = ["--name", full(node), "--erl", flags, "-pa", built];
  const child = spawn("elixir", [...args, script], { env, stdio: ["pipe", "pipe", "inherit"] });
  // How many presences of each user there are: it is gone with the last.
  const sessions = new Map();
  const believed = { has: (user) => sessions.has(user), gone: [] };
  let measured;
  const one = {
    process: child,
    believed,
    measured: new Promise((resolve) => (measured = resolve)),
    says: (line) => child.stdin.write(`${line}\n`),
  };
  await new Promise((resolve) =>
    lines(child.stdout, (line) => {
      const [what, ...rest] = line.split(" ");
      const [user] = rest;
      if (what === "up") resolve();
      if (what === "bench") measured(rest.map(Number));
      if (what === "join") sessions.set(user, (sessions.get(user) ?? 0) + 1);
      if (what === "leave") {
        const left = sessions.get(user) - 1;
        if (left > 0) return sessions.set(user, left);
        sessions.delete(user);
        believed.gone.push(user);
      }
    }),
  );
  return one;
}
