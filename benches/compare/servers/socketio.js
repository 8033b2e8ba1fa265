// A presence server with socket.io, as its guide has one: users in a room are told who comes, who
// goes, and what each shows.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { serveClient: false });
const states = new Map();

io.on("connection", async (socket) => {
  const { user, room } = socket.handshake.auth;
  socket.data.user = user;
  await socket.join(room);
  const users = await io.in(room).fetchSockets();
  socket.emit("users", users.map(({ data }) => [data.user, states.get(data.user)]));
  socket.to(room).emit("joined", user);
  socket.on("state", (value) => {
    states.set(user, value);
    socket.to(room).emit("state", user, value);
  });
  socket.on("disconnect", () => {
    states.delete(user);
    io.to(room).emit("left", user);
  });
});
http.listen(Number(process.env.COMPARE_PORT), "127.0.0.1", () => {
  console.log(`socket.io ${createRequire(import.meta.url)("socket.io/package.json").version}`);
});
