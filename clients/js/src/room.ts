/** One topic, as its client has joined it. */

import type { Counts, View } from "./frames.js";
import { stable } from "./json.js";
import { lasting, type Accepted, type Fields, type Operations } from "./operations.js";
import type { Readable, Watchers } from "./readable.js";
import { NONE, type Person, type Replica, type Said } from "./replica.js";

export interface JoinOptions<P> {
  /** What the session shows there. Without it, what it publishes. */
  presence?: P;
  /** What it is told of the others. Default: `all`. */
  view?: View;
  /** Whether it is told of the members and is none itself. */
  observe?: boolean;
}

/** What is known of a topic that was joined. The same object as long as nothing changes. */
export interface RoomState<P> {
  /**
   * `unknown`: what is known may not be so, or nothing is known yet; `closed`: it has been left,
   * closed, or could not be joined.
   */
  readonly state: "unknown" | "joined" | "closed";
  /** Why it is closed: `left`, `closed`, `removed`, or the code of the refusal. */
  readonly code: string | undefined;
  /** How many users are in it. */
  readonly count: number;
  readonly counts: Counts;
  /** What is shown of it: in a large topic a sample, where all was asked for. */
  readonly view: View;
  /** In the order in which they joined, as far as that has been told. */
  readonly members: ReadonlyMap<string, Person<P>>;
  readonly said: readonly Said<P>[];
}

export interface Room<P = any> extends Readable<RoomState<P>> {
  readonly topic: string;
  /** How many users are in it. */
  readonly count: number;
  /** Who is in it, in the order in which they joined, as far as that has been told. */
  readonly members: Readable<ReadonlyMap<string, Person<P>>>;
  /** What is said there and still holds. */
  readonly said: Readable<readonly Said<P>[]>;
  /** Shows something else there. */
  update(presence: P): Promise<Accepted>;
  /**
   * Says something there that is no state: typing, a cursor. It holds until something else is said,
   * or for so many milliseconds.
   */
  say(presence: P, options?: { for?: number }): Promise<Accepted>;
  /** Is told this of the others from now on. */
  look(view: View): Promise<Accepted>;
  /** Is told of these members beside its view, in place of those whom it named before. */
  lookAt(users: Iterable<string>): Promise<Accepted>;
  /** Leaves the topic. */
  leave(): Promise<Accepted>;
}

/** A room, and what its client does with it. */
export interface Joined<P> {
  room: Room<P>;
  /** Joins the topic. */
  join(): void;
  /** Joins again, in a new session. */
  again(): void;
  /** It is none any more. */
  close(code: string): void;
}

/** Returns what makes a room of a topic. It has not been joined yet. */
export const rooming = <P>(
  replica: Replica<P>,
  watch: Watchers,
  queue: Operations,
  user: () => string | undefined,
  /** Has the session leave a topic. */
  leave: (topic: string) => Promise<Accepted>,
  /** Whether the session was there as an observer when the connection began. */
  observes: (topic: string) => boolean,
  /** The topic is left, closed, or could not be joined. */
  gone: (topic: string) => void,
) => (topic: string, { observe, presence, view = "all" }: JoinOptions<P>): Joined<P> => {
  let named: string[] = [];
  /** Whether the session is in it, as far as is known. */
  let isIn = false;
  let closed: string | undefined;

  const read = stable((): RoomState<P> => {
    const known = !closed && replica.topic(topic);
    const none = { view, counts: NONE, members: new Map<string, never>(), said: [] };
    const shown = known || none;
    const { counts, members } = shown;
    // Whoever views all counts whom it is shown, and itself if it is not shown to itself.
    const isUnseen =
      isIn && !observe && replica.visible !== false && !members.has(user()!);
    const isTold = known || (isIn && view === "nothing");
    return {
      state: closed ? "closed" : isTold && replica.isCurrent ? "joined" : "unknown",
      code: closed,
      count: known && shown.view === "all" ? members.size + +isUnseen : counts.users,
      ...shown,
    };
  });

  const join = (): Promise<Accepted> =>
    queue.add(
      () => ({ op: "join", topic, view, p: presence, observe }),
      {
        fine: "already_joined",
        ok: ({ code }) => {
          if (closed) return;
          isIn = true;
          // A session that is resumed, after a reload for one, is there already, perhaps otherwise.
          if (!code) return;
          if (observes(topic) !== !!observe) {
            void leave(topic);
            void join();
          } else {
            void own.look(view);
            if (presence != null) void own.update(presence);
          }
        },
        no: close,
      },
    );

  const close = (code: string) => {
    if (closed) return;
    closed = code;
    gone(topic);
  };

  /** Has something else hold there from now on. */
  const set = (fields: Fields, then: () => void) =>
    queue.add(() => ({ ...fields, topic }), {
      key: fields.op + topic,
      ok() {
        then();
        if (view === "nothing" && !named.length) replica.forgetTopic(topic);
      },
    });

  const own: Room<P> = {
    ...watch.make(read),
    topic,
    get count() {
      return read().count;
    },
    members: watch.make(() => read().members),
    said: watch.make(() => read().said),
    update: (p) => set({ op: "update", p }, () => (presence = p)),
    say: (p, options = {}) =>
      queue.add(lasting({ op: "say", topic, p }, options.for), { once: true }),
    look: (next) => set({ op: "look", view: next }, () => (view = next)),
    lookAt: ([...users]) => set({ op: "look_at", users }, () => (named = users)),
    leave: () => {
      if (closed) return Promise.resolve({});
      close("left");
      return leave(topic);
    },
  };
  return {
    room: own,
    join,
    again() {
      if (!isIn) return;
      void join();
      if (named.length) void own.lookAt(named);
    },
    close,
  };
};
