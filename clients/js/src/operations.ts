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
  done: ((outcome: Accepted | Frame | AdsumError) => void)[];
}

export function operations(limit: number) {
  /** Says a frame, where there is a session to say it in. */
  let out: ((frame: object) => void) | undefined;
  let waiting: Item[] = [];
  let number = 0;
  const sent = new Map<number, Item>();

  const settle = (item: Item, outcome: Accepted | Frame | AdsumError) => {
    for (const done of item.done) done(outcome);
  };
  const fail = (item: Item, frame: Partial<Frame>) => {
    const error = new AdsumError(frame);
    item.no?.(error.code);
    settle(item, error);
  };

  function send(item: Item) {
    const fields = item.make();
    if (!fields) return fail(item, { code: "over" });
    sent.set(++number, item);
    out!({ ...fields, n: number });
  }

  function wait(item: Item, hasRoom = waiting.length < limit) {
    const { key } = item;
    const at = waiting.findIndex((older) => key != null && older.key === key);
    // Whatever becomes of the newer one has become of the older.
    if (at >= 0) item.done.push(...waiting.splice(at, 1)[0]!.done);
    else if (!hasRoom && key == null) return fail(item, { code: "queue_full" });
    waiting.push(item);
  }

  return {
    /** Says an operation, now or when there is a session. */
    add(make: Making, saying: Saying = {}): Promise<Accepted> {
      const answer = new Promise<Accepted>((resolve, reject) => {
        const done = (outcome: Accepted | Frame | AdsumError) =>
          outcome instanceof AdsumError ? reject(outcome) : resolve(outcome as Accepted);
        const item = { ...saying, make, done: [done] };
        if (out) send(item);
        else wait(item);
      });
      // Whoever does not look at the answer need not catch what it says.
      answer.catch(() => {});
      return answer;
    },

    /** Returns whether one with this key waits for a session. */
    has: (key: string) => waiting.some((item) => item.key === key),

    /** There is a session. `first` says what comes before what waits. */
    begin(say: (frame: object) => void, first?: () => void) {
      out = say;
      first?.();
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
