// A client of servers/socketio.js.
import { io } from "socket.io-client";
import { base } from "./base.js";

export function connect({ port, user, room, told }) {
  const socket = io(`http://127.0.0.1:${port}`, {
    auth: { user }, transports: ["websocket"], forceNew: true, reconnection: false,
  });
  const client = base(told, () => socket.io.engine.transport.ws._socket);
  socket.on("users", (users) => {
    client.begin();
    users.forEach(([who, value]) => client.shows(who, value ?? undefined));
    client.end();
    client.list();
  });
  socket.on("connect", () => (room ? client.enter(room).then(client.ready) : client.ready()));
  socket.on("joined", (who) => client.comes(who));
  socket.on("left", (who) => client.goes(who));
  socket.on("state", (who, value) => client.shows(who, value));
  socket.on("connect_error", (error) => client.failed(error.message));
  socket.on("disconnect", () => client.closed());
  const ask = (event, name) => {
    socket.emit(event, name);
    return client.listed();
  };
  client.enter = (name) => ask("enter", name);
  client.look = (name) => ask("look", name);
  client.leave = (name) => {
    socket.emit("leave", name);
    client.beliefs.clear();
  };
  client.publish = (value) => socket.emit("state", value);
  client.ping = () => {};
  client.close = () => socket.disconnect();
  return client;
}
