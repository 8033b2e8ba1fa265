// A client of adsum.v1 without a library: shows a text, and prints all that it is told.
//
//     node examples/v1.mjs ws://127.0.0.1:20003/v1 TOKEN TEXT
//
// Node 22 or newer, or 20 with --experimental-websocket.
const [url, token, text] = process.argv.slice(2);
const socket = new WebSocket(url);
const say = (...said) => socket.send(JSON.stringify(said));

socket.onopen = () => say({ op: "hello", n: 1, token }, { op: "publish", n: 2, p: text });
socket.onmessage = ({ data }) => console.log(data);
socket.onclose = ({ code }) => process.exit(code === 1000 ? 0 : 1);
// Whoever says nothing for long is lost.
setInterval(() => say({ op: "ping" }), 30_000);
