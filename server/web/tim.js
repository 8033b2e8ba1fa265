// tim's frames as JSON, and a connection that logs in again by itself when it is lost.

// Frame types this page sends or expects; any other shows up in the frames pane by number.
export const TYPE = {
  ACK: 12, PING: 13, REGISTER: 14, AUTH: 16, BROAD_PRESENCE: 19, BUSINESS: 41, NODES: 42,
  MESSAGE: 90, PRESENCE: 91,
};
const TYPE_NAMES = new Map([
  [12, "Ack"], [13, "Ping"], [14, "Register"], [15, "Token"], [16, "Auth"], [17, "OfflineMsg"],
  [18, "OfflineMsgEnd"], [19, "BroadPresence"], [20, "Logout"], [41, "Business"], [42, "Nodes"],
  [90, "Message"], [91, "Presence"],
]);
// What a Business frame asks for (rtype), and what an ack or a message about it repeats. The last
// two are adsum-server's own.
export const ROSTER = {
  LIST: 1, ADD: 4, FRIEND: 5, REMOVE: 6, BLOCK: 7, BLOCKED_LIST: 18, INVISIBLE: 1001, VISIBLE: 1002,
};
// What a Nodes frame lists, or asks for (ntype).
export const NODES = { ROSTER: 1, USER_INFO: 4, BLOCKED: 8 };

// Towards the server this bit says "JSON follows"; from the server it says "wants an ack".
const HIGH_BIT = 0x80;
const SYNC_BYTES = 4;
const PING_EVERY_MS = 10_000;
const OPEN_WITHIN_MS = 10_000;
const BACKOFF_MS = [1_000, 2_000, 4_000, 8_000, 15_000];
// Another device took this one's place, or an administrator ended it: to come back by itself would
// be a fight.
const UNWANTED = new Set([4001, 4002]);
// The session goes on in another tab, which began as a copy of this one.
const COPIED = 4004;
// A close frame with a code is going away; without one it is a logout.
const GOING_AWAY = 4000;
// Refusals of a login that the same name and password will meet again.
const FINAL_REFUSALS = new Set([4105, 4115]);

export function typeName(type) {
  return TYPE_NAMES.get(type) ?? "unknown";
}

function encode(type, body) {
  const json =
    body === undefined ? new Uint8Array() : new TextEncoder().encode(JSON.stringify(body));
  const frame = new Uint8Array(1 + json.length);
  frame[0] = type | HIGH_BIT;
  frame.set(json, 1);
  return frame;
}

// { type, sync: the bytes to repeat in the ack or null, text: the body as it came,
//   body: parsed or null }
function decode(buffer) {
  const bytes = new Uint8Array(buffer);
  if (bytes.length === 0) return null;
  const wantsAck = (bytes[0] & HIGH_BIT) !== 0;
  const start = wantsAck ? 1 + SYNC_BYTES : 1;
  const text = new TextDecoder().decode(bytes.subarray(start));
  let body = null;
  try {
    body = text === "" ? null : JSON.parse(text);
  } catch {
    // The pane still shows the text; nobody acts on it.
  }
  if (typeof body !== "object") body = null;
  return { type: bytes[0] & ~HIGH_BIT, sync: wantsAck ? bytes.slice(1, start) : null, text, body };
}

// What the frames pane may show of a frame: never the password, nor what stands for it.
function shown(body) {
  if (body === undefined) return "";
  const hidden = { ...body };
  if ("pwd" in hidden) hidden.pwd = "(hidden)";
  if (hidden.extend?.resume) hidden.extend = { ...hidden.extend, resume: "(hidden)" };
  return JSON.stringify(hidden);
}

function randomDevice() {
  const random = crypto.getRandomValues(new Uint16Array(1))[0];
  return `web-${random.toString(16).padStart(4, "0")}`;
}

// Asks for a new account. Resolves to tim's ack; throws if the server cannot be reached or talks
// nonsense.
export async function register(name, pwd, onFrame) {
  const body = { name, pwd };
  onFrame({ sent: true, type: TYPE.REGISTER, text: shown(body) });
  const answer = await fetch(new URL("tim2", document.baseURI), {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: encode(TYPE.REGISTER, body),
  });
  if (!answer.ok) throw new Error(`the server answered with HTTP ${answer.status}`);
  const frame = decode(await answer.arrayBuffer());
  if (frame) onFrame({ sent: false, type: frame.type, text: frame.text });
  if (frame?.type !== TYPE.ACK || !frame.body) {
    throw new Error("the server's answer could not be read");
  }
  return frame.body;
}

// One account's connection. `on` is told: state(name, detail), ready(ack), refused(error),
// frame(entry) and receive(type, body), and asked whether to come in invisible(). States:
// "connecting", "ready", "waiting" (detail: ms until the next try), "closed" (detail: the server's
// reason).
export class Link {
  #on;
  #login = null;
  #socket = null;
  #ready = false;
  #tries = 0;
  #retryTimer = 0;
  #pingTimer = 0;
  #openTimer = 0;
  #pingAnswered = true;
  // What waits for the answer to each ping that is under way.
  #fences = [];
  // Each page is a device of its own, so that a friend with two tabs is seen with two.
  #resource = randomDevice();
  // What the server names the session by: whoever shows it goes on with it, without a password.
  #secret = "";

  constructor(on) {
    this.#on = on;
    addEventListener("online", () => this.retryNow());
    // The browser knows at once what a ping would show after twenty seconds.
    addEventListener("offline", () => {
      if (this.#socket) this.#lost(1006, "");
    });
  }

  get resource() {
    return this.#resource;
  }

  // What a later load of the page needs to go on with this session.
  get memory() {
    return { name: this.#login?.name, resource: this.#resource, secret: this.#secret };
  }

  open(name, pwd) {
    this.close();
    this.#begin({ name, pwd });
  }

  // Goes on with the session of an earlier load of this page.
  goOn({ name, resource, secret }) {
    this.#resource = resource;
    this.#secret = secret;
    this.#begin({ name });
  }

  #begin(login) {
    this.#login = login;
    this.#tries = 0;
    this.#connect();
  }

  // Logging out is closing without a code, in tim.
  close() {
    this.#login = null;
    this.#secret = "";
    this.#release()?.close();
  }

  retryNow() {
    if (this.#login && !this.#socket) this.#connect();
  }

  // Says whether the frame could be handed to the connection; while there is none, nothing is kept.
  send(type, body) {
    if (!this.#ready) return false;
    this.#put(type, body);
    return true;
  }

  // Calls back when all that was sent before has been answered, as far as it is answered at all:
  // for an empty list tim says nothing, so only what comes after it tells.
  fence(passed) {
    if (!this.#ready) return;
    this.#fences.push(passed);
    this.#put(TYPE.PING);
  }

  #put(type, body) {
    this.#socket.send(encode(type, body));
    this.#on.frame({ sent: true, type, text: shown(body) });
  }

  #connect() {
    this.#release();
    this.#on.state("connecting", this.#tries);
    const url = new URL("tim", document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#put(TYPE.AUTH, this.#auth());
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#lost(event.code, event.reason);
    this.#socket = socket;
    this.#openTimer = setTimeout(() => this.#lost(1006, ""), OPEN_WITHIN_MS);
  }

  #auth() {
    const extend = {};
    if (this.#secret) extend.resume = this.#secret;
    // In the login itself, so that no friend sees a flash of it.
    if (this.#on.invisible()) extend.invisible = "true";
    return { ...this.#login, resource: this.#resource, termtyp: 3, extend };
  }

  // Lets go of the socket and every timer of it; a later event of that socket reaches nobody.
  #release() {
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    this.#fences = [];
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#openTimer);
    clearInterval(this.#pingTimer);
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    return socket;
  }

  #lost(code, reason) {
    this.#release()?.close(GOING_AWAY);
    if (!this.#login) return;
    if (code === COPIED) {
      this.#secret = "";
      this.#resource = randomDevice();
    }
    if (UNWANTED.has(code)) {
      this.#login = null;
      this.#on.state("closed", reason);
      return;
    }
    const base = BACKOFF_MS[Math.min(this.#tries, BACKOFF_MS.length - 1)];
    this.#tries += 1;
    // Up to a quarter sooner, so that a restarted server is not met by everybody in one instant.
    const delay = Math.round(base * (1 - Math.random() / 4));
    this.#retryTimer = setTimeout(() => this.#connect(), delay);
    this.#on.state("waiting", delay);
  }

  #receive(data) {
    this.#pingAnswered = true;
    const frame = data instanceof ArrayBuffer ? decode(data) : null;
    if (!frame) return;
    const isLogin = !this.#ready && frame.body?.timType === TYPE.AUTH;
    const text = isLogin ? shown({ ...frame.body, n2: "(hidden)" }) : frame.text;
    this.#on.frame({ sent: false, type: frame.type, text });
    if (frame.sync) {
      this.#socket.send(Uint8Array.of(TYPE.ACK | HIGH_BIT, ...frame.sync));
      this.#on.frame({ sent: true, type: TYPE.ACK, text: "" });
    }
    if (isLogin && frame.type === TYPE.ACK) {
      this.#answered(frame.body);
    } else if (frame.type === TYPE.PING) {
      this.#fences.shift()?.();
    } else {
      this.#on.receive(frame.type, frame.body);
    }
  }

  #answered(ack) {
    if (!ack.ok) {
      const error = ack.error ?? {};
      // After a loss a full server or a device limit passes; a wrong password does not.
      if (this.#tries > 0 && !FINAL_REFUSALS.has(error.code)) {
        this.#lost(1006, "");
        return;
      }
      this.close();
      this.#on.refused(error);
      return;
    }
    clearTimeout(this.#openTimer);
    this.#secret = typeof ack.n2 === "string" ? ack.n2 : "";
    this.#ready = true;
    this.#pingAnswered = true;
    this.#pingTimer = setInterval(() => this.#ping(), PING_EVERY_MS);
    const again = this.#tries > 0;
    this.#tries = 0;
    this.#on.state("ready", again);
    this.#on.ready(ack);
  }

  // Judged by the last ping and not by the clock: a sleeping page's timers come late.
  #ping() {
    if (!this.#pingAnswered) {
      this.#lost(1006, "");
      return;
    }
    this.#pingAnswered = false;
    this.fence(null);
  }
}
