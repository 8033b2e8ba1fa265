// A client of an XMPP server (RFC 6120 and 6121) over bare TCP: it makes its account, and its
// contacts are those who have subscribed to each other. It reads the stanzas of this comparison and
// is no parser for others.
import net from "node:net";
import { base } from "./base.js";

const HEADER = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0'"
  + " xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const ATTRIBUTE = (name) => new RegExp(`^<[^>]*\\b${name}=['"]([^'"]*)['"]`);
const [FROM, TYPE, ID] = ["from", "type", "id"].map(ATTRIBUTE);
const STANZA = /^\s*<(presence|iq|message)\b[^>]*?(?:\/>|>[\s\S]*?<\/\1>)/;

export function connect({ port, user, told }) {
  const socket = net.connect(port, "127.0.0.1");
  const client = base(told, () => socket);
  let text = "", step = 0, answered;
  const send = (stanza) => socket.write(stanza);
  const open = () => { text = ""; send(HEADER); };
  const plain = Buffer.from(`\0${user}\0secret`).toString("base64");
  // What is waited for, and what is sent when it has come.
  const steps = [
    [/<\/stream:features>/, () => send("<iq type='set' id='reg'><query xmlns='jabber:iq:register'>"
      + `<username>${user}</username><password>secret</password></query></iq>`)],
    [/<iq\b[^>]*\bid=['"]reg['"][^>]*?(\/>|>[\s\S]*?<\/iq>)/, () => send(
      `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`)],
    [/<(success|failure)\b/, (found) => found[1] === "success" ? open() : client.failed(text)],
    [/<\/stream:features>/, () => send("<iq type='set' id='bind'>"
      + "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>")],
    [/<iq\b[^>]*\bid=['"]bind['"][\s\S]*?<\/iq>/, () => send("<iq type='set' id='session'>"
      + "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq><presence/>")],
  ];
  socket.setEncoding("utf8");
  socket.on("connect", open);
  socket.on("data", (chunk) => {
    text += chunk;
    for (let found; step < steps.length && (found = steps[step][0].exec(text));) {
      text = text.slice(found.index + found[0].length);
      steps[step++][1](found);
      if (step === steps.length) client.ready();
    }
    if (step === steps.length) stanzas();
  });
  const stanzas = () => {
    for (let found; (found = STANZA.exec(text));) {
      text = text.slice(found[0].length);
      stanza(found[1], found[0].trimStart());
    }
    if (text.includes("</stream:stream>")) client.closed();
  };
  const stanza = (kind, all) => {
    const who = FROM.exec(all)?.[1].split("@")[0], type = TYPE.exec(all)?.[1];
    if (kind === "iq") {
      if (ID.exec(all)?.[1] === "settled") answered?.();
      else if (type === "get") send(`<iq type='result' id='${ID.exec(all)?.[1]}'/>`);
    } else if (kind === "presence" && who !== user) {
      if (type === "unavailable") client.gone(who);
      else if (type === "subscribe") send(`<presence to='${who}@localhost' type='subscribed'/>`);
      else if (type === undefined) {
        const status = /<status>([\s\S]*?)<\/status>/.exec(all)?.[1];
        client.shows(who, status && JSON.parse(status.replaceAll("&quot;", '"')));
      }
    }
  };
  socket.on("error", (error) => client.failed(error.message));
  socket.on("close", () => client.closed());
  client.publish = (value) => send("<presence><show>dnd</show><status>"
    + `${JSON.stringify(value).replaceAll('"', "&quot;")}</status></presence>`);
  client.ping = () => send(" ");
  // Asks to see somebody; who is asked says yes.
  client.befriend = (other) => send(`<presence to='${other}@localhost' type='subscribe'/>`);
  // Waits until the server has done all that was sent before.
  client.settled = () => new Promise((resolve) => {
    answered = resolve;
    send("<iq type='get' id='settled' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
  });
  client.close = () => socket.end("<presence type='unavailable'/></stream:stream>");
  return client;
}
