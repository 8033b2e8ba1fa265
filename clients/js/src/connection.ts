/** One connection after the other: who the client is, whether it is alive, when to come back. */

import type { Frame } from "./frames.js";
import { clock } from "./json.js";
import { call } from "./readable.js";

/** As much of a WebSocket as is used; the browser's own, Node's own from 22 on, or that of `ws`. */
export interface Socket {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

export type SocketConstructor = new (url: string, protocols?: string | string[]) => Socket;

export interface ConnectionOptions {
  /** Says who it is: a token, or a function that is asked before each connection. */
  token?: string | (() => string | Promise<string>);
  /** Whether the user is invisible before anything is shown. */
  invisible?: boolean;
  /** More fields for `hello`: a name and a password, the device, its kind. */
  hello?: { [field: string]: unknown };
  /** The WebSocket to use. Default: `globalThis.WebSocket`. */
  WebSocket?: SocketConstructor;
  /** Is shown every frame as it goes and comes, with `>` and `<`. */
  trace?: (direction: ">" | "<", frame: unknown) => void;
  /** The shortest and the longest time before it tries again. Default: 500 ms and 30 s. */
  minBackoffMs?: number;
  maxBackoffMs?: number;
  /** How long it waits for a token, for a connection, or for a sign of life. Default: 10 s. */
  patienceMs?: number;
}

/** What becomes of connections, to whoever has one. */
export interface Listener {
  /** Any frame but `bye`. */
  frame(frame: Frame): void;
  /** There is another token. */
  token(token: string): void;
  /** The connection is gone. */
  lost(): void;
  /** It does not come back by itself. */
  closed(code: string): void;
  /** All frames of a message have been heard, or something else has changed. */
  check(): void;
  error(error: unknown): void;
}

export type Phase = "connecting" | "waiting" | "online" | "closed";

/** What a connection is to its client. */
export interface Connection {
  now: {
    phase: Phase;
    /** Why there is no connection. */
    code: string | undefined;
    retryAt: number | undefined;
  };
  /** A secret that names the session. */
  resume?: string | undefined;
  after(name: string, ms: number, then: () => unknown): void;
  say(frame: object, text?: string): void;
  open(): void;
  close(code: string, socketCode?: number): void;
  good(leftMs: number): void;
  /** The network is gone, as the browser knows before anybody else. */
  gone(): void;
  /** Comes back now, if it only waits because of the network. */
  hurry(): void;
}

export const connection = (
  url: string,
  options: ConnectionOptions,
  to: Listener,
): Connection => {
  const {
    token,
    trace,
    WebSocket = globalThis.WebSocket,
    patienceMs = 10_000,
    minBackoffMs = 500,
    maxBackoffMs = 30_000,
  } = options;
  /** Until somebody is welcome: after that it may be another user, whose wish it is not. */
  let { invisible } = options;
  const ask = typeof token === "function" && token;
  /** What is read and written by the client too. */
  const now = {} as Connection["now"];
  const timers = new Map<string, ReturnType<typeof setTimeout>>();
  let socket: Socket | undefined;
  /** Counts attempts: what an earlier one brings is passed over. */
  let run = 0;
  let attempts = 0;
  let bye: Frame | undefined;
  /** Whether another token has been asked for because the last one was refused. */
  let isTokenNew: boolean | undefined;

  /** Sets a timer that ends with the connection, in place of the one of this name. */
  const after = (name: string, ms: number, then: () => unknown) => {
    clearTimeout(timers.get(name));
    // They cannot be set for longer.
    timers.set(name, setTimeout(then, Math.min(ms, 2e9)));
  };

  const say = (frame: object, text = JSON.stringify(frame)) => {
    call(trace, ">", frame);
    socket?.send(text);
  };

  /** Asks for a token, which is of no use any more if another attempt has begun meanwhile. */
  const withToken = async (then: (token: any) => void, failed: () => void) => {
    const mine = run;
    try {
      const known = ask ? await ask() : token;
      if (mine === run) then(known);
    } catch (error) {
      if (mine === run) {
        to.error(error);
        failed();
      }
    }
  };

  const open = () => {
    end();
    bye = undefined;
    enter("connecting");
    const failed = () => lost("token");
    after("wait", patienceMs, failed);
    void withToken(listen, failed);
  };

  const listen = (known: string | undefined) => {
    const next: Socket = new WebSocket(url, "adsum.v1");
    socket = next;
    next.onopen = () => {
      if (next !== socket) return;
      // What is not there is not sent.
      say({ op: "hello", token: known, resume: own.resume, invisible, ...options.hello });
    };
    next.onmessage = ({ data }) => {
      if (next === socket) hear(data);
    };
    next.onerror = next.onclose = () => {
      if (next === socket) gone();
    };
    after("wait", patienceMs, gone);
  };

  const hear = (data: string) => {
    clearTimeout(timers.get("wait"));
    const mine = run;
    let frames: Frame[] = [];
    try {
      frames = [JSON.parse(data)].flat();
    } catch {
      gone();
    }
    for (const frame of frames) {
      if (mine !== run) return;
      call(trace, "<", frame);
      if (frame) take(frame);
    }
    to.check();
  };

  const take = (frame: Frame) => {
    if (frame.op === "welcome") {
      own.resume = frame.resume;
      now.code = isTokenNew = invisible = undefined;
      keepAlive(frame.ping_ms ?? 30_000);
      good(frame.until! - frame.now!);
    }
    if (frame.op === "bye") bye = frame;
    else to.frame(frame);
  };

  const keepAlive = (everyMs: number) => {
    after("ping", everyMs, () => {
      // Who is let in and thrown out again waits longer and longer.
      attempts = 0;
      say({ op: "ping" });
      after("wait", patienceMs, gone);
      keepAlive(everyMs);
    });
  };

  /** Hands over another token when most of the time is over that the last one is good for. */
  const good = (leftMs: number) => {
    if (ask && leftMs > 0) {
      after("token", leftMs * (0.7 + Math.random() / 5), () =>
        // Where there is none it asks again, but not without a rest.
        withToken(to.token, () => good(leftMs / 8 + maxBackoffMs)),
      );
    }
  };

  const gone = () => {
    const code = bye?.code ?? "lost";
    // The token may have been an old one: it asks for another, once.
    const hasOther = code === "unauthorized" && ask && !isTokenNew;
    isTokenNew ||= hasOther;
    if (bye && !bye.reconnect && !hasOther) close(code);
    else lost(code);
  };

  const lost = (code: string) => {
    end();
    const most = Math.min(maxBackoffMs, minBackoffMs * 2 ** attempts++);
    const waitMs = bye?.after_ms || most * (1 + Math.random()) / 2;
    now.code = code;
    after("retry", waitMs, open);
    enter("waiting", clock() + waitMs);
  };

  /** Ends the session, and does not come back. */
  const close = (code: string, socketCode?: number) => {
    end(socketCode);
    now.code = code;
    to.closed(code);
    enter("closed");
  };

  /**
   * Lets go of the connection, without waiting for what it says to that. With any code but 1000 the
   * session goes away, and does not end.
   */
  const end = (code = 4000) => {
    run++;
    timers.forEach(clearTimeout);
    const last = socket;
    socket = undefined;
    if (!last) return;
    to.lost();
    last.close(code);
  };

  const enter = (phase: Phase, retryAt?: number) => {
    now.phase = phase;
    now.retryAt = retryAt;
    to.check();
  };

  const own: Connection = {
    now,
    after,
    say,
    open,
    close,
    good,
    gone,
    hurry: () => {
      if (now.phase === "waiting" && !bye) open();
    },
  };
  return own;
};
