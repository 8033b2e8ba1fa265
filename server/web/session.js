// One login: who it is, kept up by the client, and what outlives a reload of the page.
import { connect } from "./adsum-client.js";

// Kept by the browser for this tab alone, from when the page is left until it is there again.
const MEMORY = "adsum-page";
// One is used for each connection; a second is there if the answer to the first is lost.
const TOKENS = 2;

// Some browsers are told to keep nothing: then a reload is a new login.
function storage(what) {
  try {
    return what(sessionStorage);
  } catch {
    return null;
  }
}

// Takes out what an earlier load of this page has left: a tab that is duplicated has nothing.
export function recall() {
  const kept = storage((store) => store.getItem(MEMORY));
  storage((store) => store.removeItem(MEMORY));
  try {
    const memory = JSON.parse(kept);
    return typeof memory?.name === "string" && Array.isArray(memory.tokens) ? memory : null;
  } catch {
    return null;
  }
}

export function forget() {
  storage((store) => store.removeItem(MEMORY));
}

// Logs in. `login` is { name, password?, register?, tokens?, invisible? }; `on` is told of the
// `status`, of `welcome`, of what is `refused` before one is in, of what has `failed` later, and of
// each `frame`.
export function open(login, on) {
  const { name, password, register, invisible = false } = login;
  const tokens = [...(login.tokens ?? [])];
  const hello = { name };
  if (password !== undefined) Object.assign(hello, { password, register: register || undefined });
  let isIn = false;

  const url = new URL("v1", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const adsum = connect(url, {
    invisible,
    hello,
    token: () => tokens.shift(),
    trace(direction, frame) {
      on.frame(direction, frame);
      if (direction === "<" && frame?.op === "welcome") welcome(frame);
    },
    onError(error) {
      if (isIn) return on.failed(error);
      // With the same password it would be the same again; there may be another token.
      if (password !== undefined) on.refused(error);
    },
  });

  function welcome(frame) {
    isIn = true;
    delete hello.register;
    // After all that comes with it.
    queueMicrotask(() => on.welcome(frame));
    void fetchTokens();
  }

  // With these in hand the page need not hold the password.
  async function fetchTokens() {
    try {
      while (tokens.length < TOKENS) tokens.push((await adsum.ask("login_token")).token);
      delete hello.password;
    } catch {
      // Where there are none the password is all there is.
    }
  }

  adsum.status.subscribe((status) => on.status(status));
  return {
    adsum,
    name,
    get isIn() {
      return isIn;
    },
    // What the next load of the page goes on with.
    keep(more) {
      if (!isIn && login.tokens === undefined) return;
      const memory = JSON.stringify({ name, tokens, invisible, ...more });
      storage((store) => store.setItem(MEMORY, memory));
    },
  };
}
