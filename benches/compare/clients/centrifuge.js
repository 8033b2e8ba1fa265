// A client of servers/centrifuge.go: Centrifuge's first protocol, JSON in lines over WebSocket.
import WebSocket from "ws";
import { base } from "./base.js";

const [CONNECT, SUBSCRIBE, PUBLISH, PRESENCE, PING] = [0, 1, 3, 4, 7];
const [PUBLICATION, JOIN, LEAVE] = [undefined, 1, 2];

export function connect({ port, user, room, told }) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/connection/websocket?user=${user}`, {
    perMessageDeflate: false,
  });
  const client = base(told, () => socket._socket);
  let asked = 0;
  const send = (method, params) => {
    asked += 1;
    socket.send(JSON.stringify({ id: asked, method, params }));
  };
  // The first three answers are those to connect, subscribe and presence.
  const answer = ({ id, error, result }) => {
    if (error) return client.failed(JSON.stringify(error));
    if (id === 1) send(SUBSCRIBE, { channel: room });
    if (id === 2) send(PRESENCE, { channel: room });
    if (id === 3) {
      Object.values(result.presence).forEach((each) => client.shows(each.user, undefined));
      client.ready();
    }
  };
  const push = ({ type, data }) => {
    if (type === PUBLICATION) client.shows(data.data.user, data.data.value);
    if (type === JOIN) client.shows(data.info.user, undefined);
    if (type === LEAVE) client.gone(data.info.user);
  };
  socket.on("open", () => send(CONNECT, {}));
  socket.on("message", (text) => {
    for (const line of String(text).split("\n").filter(Boolean)) {
      const reply = JSON.parse(line);
      reply.id ? answer(reply) : push(reply.result);
    }
  });
  socket.on("error", (error) => client.failed(error.message));
  socket.on("close", () => client.closed());
  client.publish = (value) => send(PUBLISH, { channel: room, data: { user, value } });
  client.ping = () => send(PING, {});
  client.close = () => socket.close(1000);
  return client;
}
