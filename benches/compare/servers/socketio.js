// A presence server with socket.io, as its guide has one: users in a room are told who comes, who
// goes, and what each shows.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { serveClient: false });
const states = new Map();

io.on("connection", (socket) => {
  const { user } = socket.handshake.auth;
  socket.data.user = user;
  const list = async (room) => {
    const users = await io.in(room).fetchSockets();
    socket.emit("users", users.map(({ data }) => [data.user, states.get(data.user)]));
  };
  socket.on("enter", async (room) => {
    await socket.join(room);
    await list(room);
    socket.to(room).emit("joined", user);
  });
  socket.on("look", list);
  socket.on("leave", (room) => {
    socket.leave(room);
    io.to(room).emit("left", user);
  });
  socket.on("state", (value) => {
    states.set(user, value);
    for (const room of socket.rooms) socket.to(room).emit("state", user, value);
  });
  socket.on("disconnecting", () => {
    states.delete(user);
    for (const room of socket.rooms) socket.to(room).emit("left", user);
  });
});
http.listen(Number(process.env.COMPARE_PORT), "127.0.0.1", () => {
  console.log(`socket.io ${createRequire(import.meta.url)("socket.io/package.json").version}`);
});
