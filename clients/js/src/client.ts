/** The client: one session, kept up. */

import { connection, type ConnectionOptions, type Phase } from "./connection.js";
import { AdsumError } from "./error.js";
import type { Frame } from "./frames.js";
import { clock, list, stable } from "./json.js";
import { lasting, operations, quiet, type Accepted, type Making } from "./operations.js";
import { call, watchers, type Readable } from "./readable.js";
import { Replica, type Person, type Session, type State } from "./replica.js";
import { rooming, type Joined, type JoinOptions, type Room } from "./room.js";
import { keeper, type Kept, type Storage } from "./storage.js";

export interface Options extends ConnectionOptions {
  /** Where to keep the session over a reload. Default: `sessionStorage`, if there is one. */
  storage?: Storage | null;
  /** By what name. Default: `adsum` and the address. */
  storageKey?: string;
  /** The most operations that wait for a connection. Default: 100. */
  maxWaiting?: number;
  /**
   * The most sessions and topics that are held in mind. Beyond it `onError` is told `full`, and
   * whoever there is no room for is `unknown`, until a snapshot has room. Default: 100,000.
   */
  limit?: number;
  /** Is told what is refused and what fails, beside whoever waits for the answer. */
  onError?: (error: unknown) => void;
}

/** How things stand with the server. The same object as long as nothing changes. */
export interface Status {
  /** `waiting`: until `retryAt`; `closed`: it does not come back by itself. */
  readonly phase: Phase;
  /** Its own user, as the server calls it. */
  readonly user: string | undefined;
  /** Its own session, as others are told of it. */
  readonly session: string | undefined;
  /** Why there is no connection: the code of the server's `bye`, `token`, `lost` or `closed`. */
  readonly code: string | undefined;
  /** When it tries again, by the local clock. */
  readonly retryAt: number | undefined;
}

export interface PublishOptions<P> {
  /** When it ends by itself, by the local clock. */
  until?: number | Date;
  /** After how many milliseconds it ends by itself. */
  for?: number;
  /** What takes its place then. Without it the session shows nothing any more. */
  then?: P;
}

/** One user: what is so now, to read and to subscribe to. */
export interface PersonView<P> extends Readable<Person<P>> {
  readonly id: string;
  readonly state: State;
  readonly presence: P | undefined;
}

export interface Adsum<P = any> {
  /** Everybody else of whom something is known: contacts, and whom it watches. */
  readonly contacts: Readable<ReadonlyMap<string, Person<P>>>;
  /** The other sessions of its own user. */
  readonly devices: Readable<readonly Session<P>[]>;
  readonly status: Readable<Status>;
  /** Whether its own user is visible; `undefined` before it has been told. */
  readonly visibility: Readable<boolean | undefined>;
  /** What this session shows, as far as the server has accepted it. */
  readonly shown: P | undefined;
  /** Returns one user, known or not: always the same object for the same id. */
  person(id: string): PersonView<P>;
  /**
   * Has a listener called with each frame of this sort: `system`, `directed`, `said`, or any other
   * of the protocol. Returns how to end that.
   */
  on(op: string, listener: (frame: Frame) => void): () => void;
  /** Shows something to all contacts and to the user's other devices. */
  publish(presence: P, options?: PublishOptions<P>): Promise<Accepted>;
  /** Shows nothing any more. The user's other devices go on. */
  withdraw(): Promise<Accepted>;
  /** Says that a person did something. May be called at every key press. */
  active(): void;
  /** Says something to these users only, beside what it shows. It holds for so long. */
  direct(
    to: string | readonly string[],
    presence: P,
    options?: { for?: number },
  ): Promise<Accepted>;
  /** Is told of these users, who need not be contacts. */
  watch(users: Iterable<string>): Promise<Accepted>;
  /** Is told of these users no more, unless they are contacts. */
  unwatch(users: Iterable<string>): Promise<Accepted>;
  /**
   * Asks for something else of the protocol's, and returns the answer. It is not said again if the
   * connection is lost.
   */
  ask(op: string, fields?: { [field: string]: unknown }): Promise<Frame>;
  /** Looks offline to contacts and in topics. */
  invisible(): Promise<Accepted>;
  /** Is seen again. */
  visible(): Promise<Accepted>;
  /** Joins a topic, or returns the room if it has. */
  join(topic: string, options?: JoinOptions<P>): Room<P>;
  /** Ends the session: everybody is told. */
  close(): void;
  /** Connects now: after `close`, or where it waits and the server has not said how long. */
  reconnect(): void;
}

/** Says that the session shows nothing. */
const NOTHING = { op: "withdraw" };

/** The most users of one operation: as many fit into a message, whatever they are called. */
const MOST_NAMED = 400;

/** Connects to a server of the protocol `adsum.v1`, whose address begins with `ws`. */
export const connect = <P = any>(url: string | URL, options: Options = {}): Adsum<P> => {
  const address = new URL(url).href;
  const { maxWaiting = 100, storageKey = "adsum " + address } = options;
  const replica = new Replica<P>(options);
  const fail = (error: unknown) => call(options.onError, error);

  const queue = operations(maxWaiting, fail);
  const watch = watchers();
  const store = keeper(storageKey, options.storage);
  const people = new Map<string, PersonView<P>>();
  const rooms = new Map<string, Joined<P>>();
  const listeners = new Map<string, Set<(frame: Frame) => void>>();
  const watched = new Set<string>();
  let user: string | undefined;
  let session: string | undefined;
  /** Says again what the session shows, as of then; and what that is. */
  let show: Making | undefined;
  let activeAt: number | undefined;
  /** There has been no room for somebody since the last snapshot: not to know one says nothing. */
  let isFull: boolean | undefined;
  /** In a new session: how many answers it awaits until all whom it watches have been told of. */
  let partsLeft = 0;
  /** What another page has left, which may have had the session since. */
  let taken: Kept | undefined;
  /** Whether it is to be invisible, where that has been said and has no answer yet. */
  let hides: boolean | undefined;
  /** The topics that the session only observed when the connection began. */
  let observes: string[] | undefined;
  /** How much the server's clock is ahead. */
  let aheadMs: number;

  // ---- what it is told

  const welcome = (frame: Frame) => {
    const { p, resumed } = frame;
    const isOther = user && user !== frame.u;
    ({ u: user, s: session, observes } = frame);
    // What one user said, showed, watched and joined is nothing of another's.
    if (isOther) {
      show = watched.clear() as undefined;
      hides = options.invisible || undefined;
      replica.visible = undefined;
      queue.drop("other_user");
      [...rooms.values()].forEach((room) => room.close("left"));
    }
    aheadMs = frame.now! - clock();
    if (resumed && taken) show = p == null ? undefined : publishing(p, frame.for, frame.then);
    queue.begin(link, () => {
      if (!resumed) {
        // Before anything is shown; but whom others see already, another device has made visible.
        if (hides ?? ((replica.visible === false || taken?.[1] === user) && !frame.seen)) {
          void see(true);
        }
        if (show && !queue.has("show")) say(show);
        partsLeft = Math.ceil(watched.size / MOST_NAMED);
      }
      // Another page may have had the session, and left something.
      if (resumed && !taken) return;
      if (watched.size) void look(watched, true);
      rooms.forEach(({ again }) => again());
    });
    taken = undefined;
    // Where no page is left, there is no moment for it but now.
    if (!globalThis.addEventListener) keep();
    // A page that was loaded anew has so long to join again what its session is in, else it leaves.
    link.after("room", 10_000, () =>
      list<string>(frame.topics).forEach((topic) => rooms.has(topic) || leave(topic)),
    );
  };

  const leave = (topic: string) =>
    queue.add(() => ({ op: "leave", topic }), {
      // It had not come to joining, or it has left before.
      fine: "unknown_topic",
      ok: () => replica.forgetTopic(topic),
    });

  const fold = (frame: Frame) => {
    if (!replica.apply(frame)) {
      if (!isFull) fail(new AdsumError({ code: "full" }));
      isFull = true;
    } else if (frame.last && !(frame.users || frame.topic)) {
      // Only a snapshot of everything has room for all, if it has.
      isFull = false;
    }
  };

  /** Ends the snapshot of everything in a new session, when it has told of whom it watches. */
  const complete = () => {
    if (!--partsLeft) fold({ op: "snapshot", last: true, visible: replica.visible });
  };

  const heard = (frame: Frame) => {
    const { op, users, ...rest } = frame;
    // What is told of whom it watches is a part of the snapshot that is not whole yet.
    const isPart = partsLeft > 0 && op === "snapshot";
    fold(isPart ? { op, ...rest, first: !users && frame.first, last: false } : frame);
    if (op === "welcome") welcome(frame);
    queue.answer(frame);
    if (op === "err") fail(new AdsumError(frame));
    if (replica.isCurrent) link.now.phase = "online";
    if (op === "closed") rooms.get(frame.topic!)?.close(frame.reason || op);
    listeners.get(op)?.forEach((listener) => call(listener, frame));
  };

  const link = connection(address, options, {
    frame: heard,
    token: (token) =>
      queue.add(() => ({ op: "token", token }), {
        once: true,
        ok: ({ until }) => link.good(until! - clock() - aheadMs),
      }),
    lost: () => {
      partsLeft = 0;
      replica.lose();
      queue.lose();
    },
    closed: (code) => {
      listen("remove");
      // Where the server has ended it, another page may have the session.
      if (code === "closed") store();
      queue.drop((queue.over = code));
    },
    check: watch.check,
    error: fail,
  });

  // ---- what outlives a page

  const keep = () =>
    store(taken ?? [link.resume!, (hides ?? replica.visible === false) && user!]);

  /** The secret of the page that was there last is the one that counts. */
  const take = () => {
    const kept = store();
    if (kept) [link.resume] = taken = kept;
  };

  const back = () => {
    take();
    link.hurry();
  };

  const events = Object.entries({
    // A browser that keeps the page would keep the connection for as long, unheard.
    pagehide() {
      if (link.resume) keep();
      link.gone();
    },
    pageshow: back,
    online: back,
    offline: link.gone,
  });

  const listen = (verb: "add" | "remove") => {
    for (const [event, then] of events) (globalThis as any)[verb + "EventListener"]?.(event, then);
  };

  const open = () => {
    // What was said last and refused, since it was closed, is no wish any more.
    queue.over = link.resume = hides = undefined;
    take();
    listen("add");
    link.open();
  };

  // ---- what it says

  const say = (make: Making) =>
    queue.add(make, {
      key: "show",
      ok: () => (show = make()?.op === "publish" ? make : undefined),
    });

  const look = ([...users]: Iterable<string>, isOn: boolean): Promise<Accepted> => {
    const all: Promise<Accepted>[] = [];
    do {
      const part = users.splice(0, MOST_NAMED);
      const said = queue.add(() => ({ op: isOn ? "watch" : "unwatch", users: part }), {
        ok() {
          part.forEach((user) => watched[isOn ? "add" : "delete"](user));
          complete();
        },
        no: complete,
      });
      all.push(said);
    } while (users.length);
    return quiet(Promise.all(all).then(([first]) => first!));
  };

  const see = (isHidden: boolean) => {
    hides = isHidden;
    return queue.add(() => ({ op: isHidden ? "invisible" : "visible" }), {
      key: "see",
      ok() {
        replica.visible = !isHidden;
        hides = undefined;
      },
    });
  };

  const publishing = (p: unknown, forMs: number | undefined, then: unknown) =>
    lasting(
      { op: "publish", p, then },
      forMs,
      then == null ? NOTHING : { op: "publish", p: then },
    );

  const enter = rooming(
    replica,
    watch,
    queue,
    () => user,
    leave,
    (topic) => !!observes?.includes(topic),
    (topic) => {
      rooms.delete(topic);
      watch.check();
    },
  );

  const own: Adsum<P> = {
    contacts: watch.make(
      stable(() => {
        const others = new Map(replica.people);
        others.delete(user!);
        return others;
      }),
    ),
    devices: watch.make(stable(() => replica.person(user!)?.sessions ?? [])),
    status: watch.make(stable(() => ({ ...link.now, user, session }))),
    visibility: watch.make(() => replica.visible),
    get shown() {
      return show?.()?.p as P | undefined;
    },
    person(id) {
      let view = people.get(id);
      if (!view) {
        const read = stable(
          (): Person<P> =>
            replica.person(id) ?? {
              id,
              state: replica.isCurrent && !isFull ? "offline" : "unknown",
              sessions: [],
            },
        );
        view = {
          id,
          ...watch.make(read),
          get state() {
            return read().state;
          },
          get presence() {
            return read().presence;
          },
        };
        people.set(id, view);
      }
      return view;
    },
    on(op, listener) {
      const all = listeners.get(op) ?? new Set();
      listeners.set(op, all.add(listener));
      return () => all.delete(listener);
    },
    publish: (p, { until, for: forMs, then } = {}) =>
      say(publishing(p, until == null ? forMs : +until - clock(), then)),
    withdraw: () => say(() => NOTHING),
    active() {
      const now = clock();
      // Such signs are passed on no more often.
      if (!replica.isCurrent || now - activeAt! < 5_000) return;
      activeAt = now;
      void own.ask("active");
    },
    direct: (to, p, options = {}) =>
      queue.add(lasting({ op: "direct", to, p }, options.for), { once: true }),
    watch: (users) => look(users, true),
    unwatch: (users) => look(users, false),
    ask: (op, fields) =>
      queue.add(() => ({ ...fields, op }), { once: true, all: true }) as Promise<Frame>,
    invisible: () => see(true),
    visible: () => see(false),
    join(topic, options = {}) {
      let known = rooms.get(topic);
      if (!known) {
        known = enter(topic, options);
        rooms.set(topic, known);
        known.join();
      }
      return known.room;
    },
    close: () => link.close("closed", 1000),
    reconnect: () => (queue.over ? open() : link.hurry()),
  };
  open();
  return own;
};
