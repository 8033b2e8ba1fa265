// A client of adsum-server: adsum.v1 over WebSocket, with tokens that say who is whose contact.
import { createHmac } from "node:crypto";
import WebSocket from "ws";
import { base } from "./base.js";

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

function token(user, contacts) {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const said = part({ sub: user, exp, "adsum.contacts": contacts });
  const signed = `${part({ alg: "HS256" })}.${said}`;
  const secret = process.env.COMPARE_SECRET;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

export function connect({ port, user, contacts, told }) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1`, { perMessageDeflate: false });
  const client = base(told, () => socket._socket);
  const send = (op) => socket.send(JSON.stringify(op));
  const change = (each) => (each.left ? client.goes(each.u) : client.comes(each.u));
  const join = (topic, more) => {
    send({ op: "join", topic, ...more });
    return client.listed();
  };
  const one = (frame) => {
    switch (frame.op) {
      case "welcome": return client.ready();
      case "presence": return client.shows(frame.u, frame.p);
      case "offline": return client.gone(frame.u);
      case "joined": return client.comes(frame.u);
      case "left": return client.goes(frame.u);
      case "changes": return frame.changes.forEach(change);
      case "topic":
        frame.entries.forEach((entry) => client.shows(entry.u, undefined));
        return frame.last && client.list();
      case "err": case "bye": return client.failed(JSON.stringify(frame));
      case "snapshot":
        if (frame.first) client.begin();
        frame.entries.forEach((entry) => client.shows(entry.u, entry.p));
        if (frame.last) client.end();
    }
  };
  socket.on("open", () => send({ op: "hello", n: 1, token: token(user, contacts) }));
  socket.on("message", (data) => {
    const frame = JSON.parse(data);
    Array.isArray(frame) ? frame.forEach(one) : one(frame);
  });
  socket.on("error", (error) => client.failed(error.message));
  socket.on("close", () => client.closed());
  client.publish = (p) => send({ op: "publish", p });
  client.enter = (room) => join(`room:${room}`);
  client.look = (room) => join(`room:${room}`, { observe: true });
  client.leave = (room) => {
    send({ op: "leave", topic: `room:${room}` });
    client.beliefs.clear();
  };
  client.ping = () => send({ op: "ping" });
  client.close = () => socket.close(1000);
  return client;
}
