/** What the client says: said at once, kept while there is no connection, said again if need be. */

import { AdsumError } from "./error.js";
import type { Frame } from "./frames.js";

/** An operation's answer. */
export interface Accepted {
  /** It is over the rate: the newest is kept, and told in so many milliseconds. */
  readonly waitsMs?: number | undefined;
}

export type Fields = { op: string; [field: string]: unknown };

/** How an operation is said. */
export interface Saying {
  /** A newer one with the same key takes its place while it waits. One with a key finds room. */
  key?: string;
  /** It is no state: if the connection is lost before its answer, it is not said again. */
  once?: boolean;
  /** Whoever waits is given the whole answer. */
  whole?: boolean;
  /** Is given the answer if it is accepted, or refused with the code `fine`: that is as good. */
  ok?: (answer: Frame) => unknown;
  fine?: string;
  /** Is given the code of a refusal. */
  no?: (code: string) => void;
}

/** What to say, as of the moment when it is said; nothing if it is too late. */
export type Making = () => Fields | undefined;

interface Item extends Saying {
  make: Making;
  done: ((outcome: Accepted | Frame | Promise<never>) => void)[];
}

/** `failed` is told what could not be said; `ended` says why nothing is said any more, if so. */
export function operations(
  limit: number,
  failed: (error: unknown) => void,
  ended: () => string | false | undefined,
) {
  /** Says a frame, where there is a session to say it in. */
  let out: ((frame: object, text: string) => void) | undefined;
  let waiting: Item[] = [];
  let number = 0;
  const sent = new Map<number, Item>();

  const settle = (item: Item, outcome: Accepted | Frame | Promise<never>) => {
    for (const done of item.done) done(outcome);
  };
  const fail = (item: Item, frame: Partial<Frame>) => {
    const error = new AdsumError(frame);
    item.no?.(error.code);
    settle(item, Promise.reject(error));
  };

  function send(item: Item) {
    const fields = item.make();
    if (!fields) return fail(item, { code: "over" });
    const frame = { ...fields, n: ++number };
    try {
      const text = JSON.stringify(frame);
      // For one that is longer the server ends the connection, and wants nobody to come back.
      if (new Blob([text]).size > 65_536) throw new AdsumError({ code: "too_big" });
      sent.set(number, item);
      out!(frame, text);
    } catch (error) {
      // It would be no better the next time, and is not to keep others from being said.
      failed(error);
      fail(item, { code: (error as AdsumError).code ?? "invalid" });
    }
  }

  function wait(item: Item, hasRoom = waiting.length < limit) {
    const { key } = item;
    const at = waiting.findIndex((older) => key && older.key === key);
    // Whatever becomes of the newer one has become of the older.
    if (at >= 0) item.done.push(...waiting.splice(at, 1)[0]!.done);
    else if (!hasRoom && !key) return fail(item, { code: "queue_full" });
    waiting.push(item);
  }

  return {
    /** Says an operation, now or when there is a session. */
    add(make: Making, saying: Saying = {}): Promise<Accepted> {
      const answer = new Promise<Accepted>((resolve) => {
        const done = resolve as (outcome: Accepted | Frame | Promise<never>) => void;
        const item = { ...saying, make, done: [done] };
        const code = ended();
        if (code) fail(item, { code });
        else if (out) send(item);
        else wait(item);
      });
      // Whoever does not look at the answer need not catch what it says.
      answer.catch(() => {});
      return answer;
    },

    /** Returns whether one with this key waits for a session. */
    has: (key: string) => waiting.some((item) => item.key === key),

    /** There is a session. `first` says what comes before what waits. */
    begin(say: (frame: object, text: string) => void, first: false | (() => void)) {
      out = say;
      if (first) first();
      const all = waiting;
      waiting = [];
      all.forEach(send);
    },

    /** The connection is gone. What is state and has no answer is said again in the next one. */
    lose() {
      out = undefined;
      const later = waiting;
      const all = [...sent.values()];
      sent.clear();
      waiting = [];
      for (const item of all) item.once ? fail(item, { code: "disconnected" }) : wait(item, true);
      for (const item of later) wait(item, true);
    },

    /** Nothing is said any more. */
    close(code: string) {
      const all = [...sent.values(), ...waiting];
      out = undefined;
      sent.clear();
      waiting = [];
      for (const item of all) fail(item, { code });
    },

    /** Takes in an answer. */
    answer(frame: Frame) {
      const { n, op, code = "", waits_ms } = frame;
      const item = sent.get(n!);
      if (!item) return;
      sent.delete(n!);
      if (op === "ok" || code === item.fine) {
        item.ok?.(frame);
        settle(item, item.whole ? frame : { waitsMs: waits_ms });
      } else {
        fail(item, frame);
      }
    },
  };
}

export type Operations = ReturnType<typeof operations>;
