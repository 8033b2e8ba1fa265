// A client of servers/centrifuge.go: Centrifuge's first protocol, JSON in lines over WebSocket.
import WebSocket from "ws";
import { base } from "./base.js";

const [CONNECT, SUBSCRIBE, UNSUBSCRIBE, PUBLISH, PRESENCE, PING] = [0, 1, 2, 3, 4, 7];
const [PUBLICATION, JOIN, LEAVE] = [undefined, 1, 2];

export function connect({ port, user, room, told }) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/connection/websocket?user=${user}`, {
    perMessageDeflate: false,
  });
  const client = base(told, () => socket._socket);
  // What was asked, by its number.
  const asked = [undefined];
  const send = (method, params) => {
    asked.push({ method, channel: params.channel });
    socket.send(JSON.stringify({ id: asked.length - 1, method, params }));
  };
  const answer = ({ id, error, result }) => {
    if (error) return client.failed(JSON.stringify(error));
    const { method, channel } = asked[id];
    if (method === CONNECT) room ? client.enter(room).then(client.ready) : client.ready();
    if (method === SUBSCRIBE) send(PRESENCE, { channel });
    if (method === PRESENCE) {
      Object.values(result.presence).forEach((each) => client.shows(each.user, undefined));
      client.list();
    }
  };
  const push = ({ type, data }) => {
    if (type === PUBLICATION) client.shows(data.data.user, data.data.value);
    if (type === JOIN) client.comes(data.info.user);
    if (type === LEAVE) client.goes(data.info.user);
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
  client.enter = (channel) => {
    send(SUBSCRIBE, { channel });
    return client.listed();
  };
  // The server announces no visitor.
  client.look = client.enter;
  client.leave = (channel) => {
    send(UNSUBSCRIBE, { channel });
    client.beliefs.clear();
  };
  client.publish = (value) => send(PUBLISH, { channel: room, data: { user, value } });
  client.ping = () => send(PING, {});
  client.close = () => socket.close(1000);
  return client;
}
