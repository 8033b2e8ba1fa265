// Three nodes of adsum-server over NATS on this machine, and clients of adsum.v1.

import { spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { freePort, lines, proxy } from "./processes.mjs";

export const name = "adsum-server";
const ROOM = "room:1";

/** Starts NATS and the nodes. `client` is the directory of clients/js, built. */
export async function start(names, { server, nats, client }) {
  const { connect } = await import(pathToFileURL(join(client, "dist/index.js")));
  const WebSocket = createRequire(join(client, "package.json"))("ws");
  const secret = randomBytes(32).toString("hex");
  const at = mkdtempSync(join(tmpdir(), "adsum-nodes-"));
  const natsPort = await freePort();
  const broker = spawn(nats, ["-a", "127.0.0.1", "-p", String(natsPort)], { stdio: "ignore" });
  const nodes = new Map();
  for (const node of names) nodes.set(node, await startNode(node));
  for (const node of names) await observe(node);
  const users = new Map();
  return {
    believes: (node) => nodes.get(node).believed,
    enter: (node, user) => users.set(user, { node, ...enter(nodes.get(node), user, {}) }),
    kill(node) {
      nodes.get(node).process.kill("SIGKILL");
      nodes.get(node).adsum.close();
      for (const user of users.values()) if (user.node === node) user.adsum.close();
      nodes.delete(node);
    },
    cut: (node) => nodes.get(node).way.cut(),
    heal: (node) => nodes.get(node).way.heal(),
    async end() {
      for (const { adsum } of users.values()) adsum.close();
      for (const { adsum } of nodes.values()) adsum.close();
      const all = [...nodes.values()].map(({ process }) => process);
      for (const process of [...all, broker]) {
        process.kill("SIGKILL");
        if (process.exitCode === null && process.signalCode === null) await once(process, "exit");
      }
      for (const { way } of nodes.values()) way.end();
      rmSync(at, { recursive: true });
    },
  };

  async function startNode(node) {
    const way = await proxy(natsPort);
    const flags = ["--client-listen", "127.0.0.1:0", "--store", "jwt", "--jwt-secret", secret];
    flags.push("--topics", "room:*", "--cluster", `nats://127.0.0.1:${way.port}`, "--node", node);
    const child = spawn(server, flags, { cwd: at, stdio: ["ignore", "pipe", "ignore"], env: {} });
    const url = await new Promise((resolve, reject) => {
      child.on("exit", () => reject(new Error(`${node} has ended`)));
      lines(child.stdout, (line) => {
        const address = /ws:\/\/([^/\s]+)/.exec(line)?.[1];
        if (address) resolve(`ws://${address}/v1`);
      });
    });
    return { process: child, way, url };
  }

  function enter({ url }, user, join) {
    const token = () => signed(secret, { sub: user, exp: Math.floor(Date.now() / 1000) + 3600 });
    const adsum = connect(url, { token, WebSocket, storage: null });
    return { adsum, room: adsum.join(ROOM, join) };
  }

  /** Somebody at the node who is in the room and sees who else is. */
  async function observe(node) {
    const one = nodes.get(node);
    const { adsum, room } = enter(one, `observer-${node}`, { observe: true });
    one.adsum = adsum;
    one.believed = { has: (user) => room.members.getSnapshot().has(user), gone: [] };
    let last = new Map();
    room.members.subscribe((members) => {
      for (const user of last.keys()) if (!members.has(user)) one.believed.gone.push(user);
      last = members;
    });
  }
}

function signed(secret, claims) {
  const [head, body] = [{ alg: "HS256", typ: "JWT" }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  const mark = createHmac("sha256", secret).update(`${head}.${body}`).digest("base64url");
  return `${head}.${body}.${mark}`;
}
