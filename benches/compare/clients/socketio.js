// A client of servers/socketio.js.
import { io } from "socket.io-client";
import { base } from "./base.js";

export function connect({ port, user, room, told }) {
  const socket = io(`http://127.0.0.1:${port}`, {
    auth: { user, room }, transports: ["websocket"], forceNew: true, reconnection: false,
  });
  const client = base(told, () => socket.io.engine.transport.ws._socket);
  socket.on("users", (users) => {
    client.begin();
    users.forEach(([who, value]) => client.shows(who, value ?? undefined));
    client.end();
    client.ready();
  });
  socket.on("joined", (who) => client.shows(who, undefined));
  socket.on("left", (who) => client.gone(who));
  socket.on("state", (who, value) => client.shows(who, value));
  socket.on("connect_error", (error) => client.failed(error.message));
  socket.on("disconnect", () => client.closed());
  client.publish = (value) => socket.emit("state", value);
  client.ping = () => {};
  client.close = () => socket.disconnect();
  return client;
}
