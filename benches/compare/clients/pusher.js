// A client of sockudo, which speaks Pusher's protocol: a presence channel says who is there, and
// events of clients say what each shows. There is no state: who comes later is told none.
import { createHmac } from "node:crypto";
import WebSocket from "ws";
import { base } from "./base.js";

export function connect({ port, user, room, told }) {
  const query = "?protocol=7&client=js&version=8.4.0";
  const socket = new WebSocket(`ws://127.0.0.1:${port}/app/compare${query}`, {
    perMessageDeflate: false,
  });
  const client = base(told, () => socket._socket);
  let id;
  const send = (event, data, channel) => socket.send(JSON.stringify({ event, data, channel }));
  const join = (name, user_id) => {
    const channel = `presence-${name}`;
    const channel_data = JSON.stringify({ user_id, user_info: {} });
    const signed = createHmac("sha256", process.env.COMPARE_SECRET)
      .update(`${id}:${channel}:${channel_data}`).digest("hex");
    send("pusher:subscribe", { channel, channel_data, auth: `compare:${signed}` });
    return client.listed();
  };
  socket.on("message", (text) => {
    const frame = JSON.parse(text);
    const data = typeof frame.data === "string" ? JSON.parse(frame.data) : frame.data;
    switch (frame.event) {
      case "pusher:connection_established":
        id = data.socket_id;
        return room ? client.enter(room).then(client.ready) : client.ready();
      case "pusher_internal:subscription_succeeded":
        data.presence.ids.forEach((who) => client.shows(who, undefined));
        return client.list();
      case "pusher_internal:member_added": return client.comes(data.user_id);
      case "pusher_internal:member_removed": return client.goes(data.user_id);
      case "client-state": return client.shows(data.user, data.value);
      case "pusher:ping": return send("pusher:pong", {});
      case "pusher:error": return client.failed(JSON.stringify(data));
    }
  });
  socket.on("error", (error) => client.failed(error.message));
  socket.on("close", () => client.closed());
  client.enter = (name) => join(name, user);
  // A further connection of who is there already is announced to nobody.
  client.look = join;
  client.leave = (name) => {
    send("pusher:unsubscribe", { channel: `presence-${name}` });
    client.beliefs.clear();
  };
  client.publish = (value) => send("client-state", { user, value }, `presence-${room}`);
  client.ping = () => send("pusher:ping", {});
  client.close = () => socket.close(1000);
  return client;
}
