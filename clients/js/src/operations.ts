/** What the client says: said at once, kept while there is no connection, said again if need be. */

import { AdsumError } from "./error.js";
import type { Frame } from "./frames.js";
import { clock } from "./json.js";

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
  all?: boolean;
  /** Is given the answer if it is accepted, or refused with the code `fine`: that is as good. */
  ok?: (answer: Frame) => unknown;
  fine?: string;
  /** Is given the code of a refusal. */
  no?: ((code: string) => void) | undefined;
}

/** What to say, as of the moment when it is said; nothing if it is too late. */
export type Making = () => Fields | undefined;

interface Item extends Saying {
  make: Making;
  done: ((outcome: Accepted | Frame | Promise<never>) => void)[];
}

/** What has a session to say something in. */
interface Link {
  say(frame: object, text: string): void;
  /** Sets a timer that ends with the connection. */
  after(name: string, ms: number, then: () => void): void;
}

/** After something that came too often: not yet, then one after the other until nothing waits. */
const enum Pace {
  atOnce,
  inTurn,
  notYet,
}

/** Makes what holds for so long, counted from now, and what is said instead when that is over. */
export const lasting = (fields: Fields, forMs: number | undefined, late?: Fields): Making => {
  if (forMs == null) return () => fields;
  const endsAt = clock() + forMs;
  return () => {
    const leftMs = Math.round(endsAt - clock());
    // Of a date that is none JSON would say nothing, and it would never end: the server refuses it.
    return leftMs <= 0 ? late : { ...fields, for: leftMs || "" };
  };
};

/** Whoever does not look at an answer need not catch what it says. */
export const quiet = <T>(answer: Promise<T>): Promise<T> => {
  answer.catch(() => {});
  return answer;
};

/** `failed` is told what could not be said. */
export const operations = (limit: number, failed: (error: unknown) => void) => {
  /** There while there is a session. */
  let link: Link | undefined;
  let pace = Pace.atOnce;
  const waiting: Item[] = [];
  let number = 0;
  const sent = new Map<number, Item>();

  const settle = (item: Item, outcome: Accepted | Frame | Promise<never>) => {
    item.done.forEach((done) => done(outcome));
  };
  const fail = (item: Item, code: string, frame: Partial<Frame> = { code }) => {
    item.no?.(code);
    settle(item, Promise.reject(new AdsumError(frame)));
  };

  const send = (item: Item) => {
    const fields = item.make();
    if (!fields) return fail(item, "over");
    const frame = { ...fields, n: ++number };
    try {
      const text = JSON.stringify(frame);
      // For one that is longer the server ends the connection, and wants nobody to come back.
      if (new Blob([text]).size > 65_536) throw new AdsumError({ code: "too_big" });
      sent.set(number, item);
      link!.say(frame, text);
    } catch (error) {
      // It would be no better the next time, and is not to keep others from being said.
      failed(error);
      fail(item, (error as AdsumError).code ?? "invalid");
    }
  };

  const wait = (item: Item, hasRoom = waiting.length < limit) => {
    const { key } = item;
    const at = waiting.findIndex((older) => key && older.key === key);
    // Whatever becomes of the newer one has become of the older.
    if (at >= 0) item.done.push(...waiting.splice(at, 1)[0]!.done);
    else if (!hasRoom && !key) return fail(item, "queue_full");
    waiting.push(item);
  };

  /** Lets what has no answer and is state wait again, before what waits. */
  const hold = () => {
    const all: Item[] = [];
    sent.forEach((item, n) => {
      if (!item.once && sent.delete(n)) all.push(item);
    });
    for (const item of [...all, ...waiting.splice(0)]) wait(item, true);
  };

  /** Says what waits, or the next of it. */
  const go = () => {
    if (pace === Pace.notYet) return;
    while (link && waiting.length) {
      send(waiting.shift()!);
      if (pace && sent.size) return;
    }
    pace = Pace.atOnce;
  };

  const own = {
    /** Why nothing is said any more, if so. */
    over: undefined as string | undefined,

    /** Says an operation, now or when there is a session. */
    add: (make: Making, saying: Saying) =>
      quiet(
        new Promise<Accepted>((resolve) => {
          const done = resolve as (outcome: Accepted | Frame | Promise<never>) => void;
          const item = { ...saying, make, done: [done] };
          if (own.over) fail(item, own.over);
          else if (link && !pace) send(item);
          else wait(item);
        }),
      ),

    /** Returns whether one with this key waits for a session. */
    has: (key: string) => waiting.some((item) => item.key === key),

    /** There is a session. `first` says what comes before what waits. */
    begin(on: Link, first: () => void) {
      link = on;
      pace = Pace.atOnce;
      first();
      go();
    },

    /** The connection is gone. What is state and has no answer is said again in the next one. */
    lose() {
      link = undefined;
      hold();
      sent.forEach((item) => fail(item, "disconnected"));
      sent.clear();
    },

    /** What waits is said no more. */
    drop(code: string) {
      for (const item of waiting.splice(0)) fail(item, code);
    },

    /** Takes in an answer. */
    answer(frame: Frame) {
      const { n, op, code = "" } = frame;
      const item = sent.get(n!);
      if (!item) return;
      if (code === "rate" && !item.once) {
        // What was said after it may have been taken. It is said again in its turn: it is state.
        hold();
        pace = Pace.notYet;
        link!.after("rate", frame.retry_ms || 1_000, () => {
          pace = Pace.inTurn;
          go();
        });
        return;
      }
      sent.delete(n!);
      if (op === "ok" || code === item.fine) {
        item.ok?.(frame);
        settle(item, item.all ? frame : { waitsMs: frame.waits_ms });
      } else {
        fail(item, code, frame);
      }
      if (pace) go();
    },
  };
  return own;
};

export type Operations = ReturnType<typeof operations>;
