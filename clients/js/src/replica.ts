/** What one session knows of others: a pure fold of the frames that it is sent. */

import type { Counts, Entry, Frame, View } from "./frames.js";
import { list, same, stable } from "./json.js";

export type { Counts, Entry, Frame, View };

/**
 * Whether somebody is there. `unknown` before the first snapshot, and from the loss of a connection
 * to the end of the next snapshot.
 */
export type State = "online" | "offline" | "unknown";

/** One device or tab of somebody's. */
export interface Session<P> {
  readonly id: string;
  /** What it shows to all who may see it; in a topic, what it shows there. */
  readonly presence?: P | undefined;
  /** What it says to this user only; in a topic, what it says there. */
  readonly said?: P | undefined;
}

/** What is known of a user. The same object as long as nothing of it changes. */
export interface Person<P> {
  readonly id: string;
  readonly state: State;
  /**
   * The one state of the user, where the server tells one, or what a session of theirs shows: the
   * one that showed something new last. In the state `unknown` it is what was known last.
   */
  readonly presence?: P | undefined;
  /** What a session of theirs says to this user only, or in a topic there, and still holds. */
  readonly said?: P | undefined;
  /** If the server tells who is idle and the user is: since when, by the server's clock. */
  readonly idleSince?: number | undefined;
  /** Whether the server tells one state of this user, and not of each session. */
  readonly isOne?: boolean;
  /** In the order in which they were first heard of. */
  readonly sessions: readonly Session<P>[];
}

/** What somebody says in a topic, member or not, and still holds. */
export interface Said<P> {
  readonly user: string;
  readonly session: string;
  readonly presence: P;
}

/** What is known of a topic. The same object, and the same parts, as long as nothing changes. */
export interface Topic<P> {
  /** What is shown of it: in a large topic a sample, where all was asked for. */
  readonly view: View;
  /** As they were told last. Who views all counts `members`. */
  readonly counts: Counts;
  /** In the order in which they joined, as far as that has been told. */
  readonly members: ReadonlyMap<string, Person<P>>;
  readonly said: readonly Said<P>[];
}

/**
 * Takes in frames and says who is there. It has no timer and no socket, and whatever comes in
 * whatever order, it does not throw, and holds at most `limit` sessions and topics. A session
 * counts once among contacts, and once in each topic. One that may take over from another of its
 * user, there or in the topic, finds room while topics leave that: with each there is one session
 * more at most, and one more among contacts.
 */
export interface Replica<P = unknown> {
  /** Whether its own user is visible, if it has been told. */
  visible: boolean | undefined;
  /** Whether what is believed is certain: a snapshot has ended, and nothing was lost since. */
  isCurrent: boolean;
  /** How many sessions it holds something of. */
  readonly size: number;
  /** Everybody of whom something is known. The same object as long as nothing changes. */
  readonly people: ReadonlyMap<string, Person<P>>;
  /** The names of the topics that are known. */
  readonly topics: readonly string[];
  /** Returns what is known of a user, if anything is. */
  person(id: string): Person<P> | undefined;
  /** Returns what is known of a topic, if anything is. */
  topic(name: string): Topic<P> | undefined;
  /**
   * Takes in a frame, or several that came at once. Returns whether there was room for all that it
   * said; at the last part of a snapshot, for all that this said.
   */
  apply(frame: Frame | readonly Frame[]): boolean;
  /** Forgets what these users published: its session watches them no longer. */
  forget(users: Iterable<string>): void;
  /** Forgets a topic: its session has left it, or views nothing of it any more. */
  forgetTopic(name: string): void;
  /** What it believes is no longer certain: the connection is gone. */
  lose(): void;
}

/** What is believed of one session, or of a user as one (without `s`). */
interface Belief {
  s: string | undefined;
  /** In a topic: whether it is a member's. */
  m?: boolean | undefined;
  /** What it shows, and what it says. */
  p?: unknown;
  d?: unknown;
  idle?: number | undefined;
  /** The last snapshot that had begun when each was told. */
  pIn?: number;
  dIn?: number;
  /** Of two that show something else than before, the later has the higher number. */
  at: number;
}

/** What is believed of a user, by session, and the last snapshot that has told of it. */
type Held = Map<unknown, Belief> & { mark?: number };

/** Contacts, or one topic. */
interface Scope<P> {
  all: Map<string, Held>;
  /** Whom to show anew, `ANY` if only something else, and all as they were shown last. */
  due: Set<string>;
  made: Map<string, Person<P>>;
  show: () => Topic<P>;
  /** The last snapshot that has begun, and whether it goes on: whom it is about, if of some. */
  mark: number;
  open: Set<string> | boolean;
  /** The last of which all that it is to drop has made way for what it says. */
  bare: number;
  /** Whether anything has found no room since it began. */
  cut: boolean;
  view: View;
  counts: Counts;
}

/** Not a user's id; if it were one, it would be shown anew. */
const ANY = "";

export const NONE: Counts = { users: 0, sessions: 0, observers: 0 };

/** What is forgotten at the end of something. */
const forgetShown = (held: Belief) => (held.p = undefined);
const forgetSaid = (held: Belief) => (held.d = undefined);
const drop = (held: Belief) => (held.m = held.p = held.d = undefined);

/** Ends: of a session, or of all of a user where none is named. */
const ENDS: Record<string, ((held: Belief) => void) | undefined> = {
  // Whatever the server calls it, it is none of the names that every object has.
  __proto__: null as never,
  withdrawn: forgetShown,
  over: forgetSaid,
  said_over: forgetSaid,
  ended: drop,
  member_ended: drop,
  offline: drop,
  left: drop,
};

/**
 * `new Replica()`, or with the most that it may hold: `new Replica({ limit: 1_000 })`.
 * Without, it has room for as many as a client can want that shows people to a person.
 */
export const Replica = function <P>({ limit = 100_000 } = {}): Replica<P> {
  const topics = new Map<string, Scope<P>>();
  let size = 0;
  /** Counts snapshots and what is new. */
  let count = 0;
  /** The number of the last frame. */
  let last = 0;
  /** Whether what is taken in found no room. */
  let isFull: boolean | undefined;

  const scope = (): Scope<P> => {
    const members = stable(() => {
      const next = new Map<string, Person<P>>();
      for (const [u, all] of of.all) {
        const held = [...all.values()].filter(({ m }) => of === contacts || m);
        if (held.length) next.set(u, person(of, u, held));
      }
      return next;
    });
    const said = stable(() =>
      [...of.all].flatMap(([user, all]) =>
        [...all.values()].flatMap(({ s, d }) =>
          d == null ? [] : { user, session: s!, presence: d as P },
        ),
      ),
    );
    const read = stable(() => ({
      view: of.view,
      counts: of.counts,
      members: members(),
      said: said(),
    }));
    let shown: Topic<P>;
    const of = {
      all: new Map(),
      due: new Set([ANY]),
      made: new Map(),
      show: () => {
        if (of.due.size) shown = read();
        of.due.clear();
        return shown;
      },
      mark: 0,
      counts: NONE,
    } as unknown as Scope<P>;
    return of;
  };
  const contacts = scope();

  /** Returns what to show of a user. */
  const person = (of: Scope<P>, id: string, shown: Belief[]): Person<P> => {
    let made = of.made.get(id);
    if (made && !of.due.delete(id)) return made;
    const one = shown.find(({ s }) => s == null);
    const shows =
      one ?? shown.filter(({ p }) => p != null).sort((a, b) => a.at - b.at).pop();
    const next: Person<P> = {
      id,
      state: own.isCurrent ? "online" : "unknown",
      presence: shows?.p as P | undefined,
      said: shown.findLast(({ d }) => d != null)?.d as P | undefined,
      idleSince: shows?.idle,
      isOne: !!one,
      sessions: shown.flatMap(({ s, p, d }) =>
        s == null ? [] : { id: s, presence: p as P, said: d as P },
      ),
    };
    if (!same(made, next)) of.made.set(id, (made = next));
    return made!;
  };

  const setCurrent = (value: boolean) => {
    own.isCurrent = value;
    for (const of of [contacts, ...topics.values()]) of.due = new Set([ANY, ...of.all.keys()]);
  };

  // ---- beliefs

  /**
   * Returns whether there is room. What the open snapshot is to drop makes way for what it says,
   * topics first.
   */
  const hasRoom = (of: Scope<P>): boolean => {
    const isFree = () => size + topics.size < limit;
    if (!isFree() && of === contacts && of.open === true) forgetTopics();
    if (!isFree() && of.bare !== of.mark) {
      of.bare = of.mark;
      forgetOld(of, of.open);
    }
    return isFree();
  };

  /** Returns what is believed of a session, which is added if there is room. */
  const find = (of: Scope<P>, u: string, s: string | undefined): Belief | undefined => {
    const { all } = of;
    let held = all.get(u)?.get(s);
    if (!held) {
      // Whoever takes over is told of before the session that ends, here and in each topic: so the
      // topics do not count.
      if ((of.open || !all.has(u) || size > limit) && !hasRoom(of)) {
        isFull = of.cut = true;
        return undefined;
      }
      held = { s, at: 0 };
      size++;
      all.set(u, (all.get(u) ?? new Map()).set(s, held));
    }
    of.due.add(u);
    return held;
  };

  /** Takes in what a session shows, or a user as one. */
  const show = (of: Scope<P>, { u, s, p, idle_since }: Entry) => {
    if (p == null && of === contacts) return;
    const held = find(of, u, s ?? undefined);
    if (!held) return;
    const { all, mark } = of;
    const ofUser = all.get(u)!;
    if (of !== contacts && ofUser.mark !== mark) {
      // Members have the order in which the snapshot names them.
      all.delete(u);
      all.set(u, ofUser);
    }
    ofUser.mark = held.pIn = mark;
    held.m = of !== contacts;
    held.idle = idle_since;
    const next = p ?? undefined;
    // What is the same stays the same object.
    if (same(held.p, next)) return;
    held.p = next;
    held.at = ++count;
  };

  /** Takes in what a session says. */
  const say = (of: Scope<P>, { u, s, p }: Entry) => {
    const held = p != null && find(of, u, s);
    if (!held) return;
    if (of === contacts) held.dIn = of.mark;
    // A member who says something is there. What others say makes way, again if it has to.
    else if (held.m) held.pIn = of.mark;
    else of.bare = 0;
    if (!same(held.d, p)) held.d = p;
  };

  /**
   * Lets `change` at what is believed of a user, or of one session, and drops what is believed no
   * more.
   */
  const keep = (of: Scope<P>, u: string, change: (held: Belief) => void, s?: string | null) => {
    const all = of.all.get(u);
    if (!all) return;
    for (const id of s == null ? all.keys() : [s]) {
      const held = all.get(id);
      if (!held) continue;
      change(held);
      if (held.m || (held.p ?? held.d) != null) continue;
      all.delete(id);
      size--;
    }
    if (!all.size) {
      for (const each of [of.all, of.made, of.due]) each.delete(u);
      u = ANY;
    }
    of.due.add(u);
  };

  /**
   * Forgets what the snapshot, of these users if it is not of all, has not repeated; in a topic
   * also what is said.
   */
  const forgetOld = (of: Scope<P>, users: Set<string> | boolean) => {
    const { mark, all } = of;
    for (const u of users === true ? all.keys() : users || []) {
      keep(of, u, (held) => {
        if (held.pIn !== mark) held.m = held.p = undefined;
        if (users === true && held.dIn !== mark) held.d = undefined;
      });
    }
  };

  const forgetTopics = () => own.topics.forEach(own.forgetTopic);

  // ---- frames

  /** Takes in a part of a snapshot, of these users or of all. */
  const part = (of: Scope<P>, frame: Frame, users: Set<string> | true) => {
    if (frame.first) {
      of.mark = ++count;
      of.open = users;
      of.cut = false;
    }
    for (const entry of list<Entry>(frame.entries)) show(of, entry);
    // What found no room is said at the end.
    isFull = !!frame.last && of.cut;
    if (!frame.last) return;
    forgetOld(of, of === contacts ? users : of.open);
    of.open = false;
  };

  const snapshot = (frame: Frame) => {
    const users = frame.users && new Set(list<string>(frame.users));
    own.visible = !!frame.visible;
    part(contacts, frame, users || true);
    if (!frame.last || users) return;
    // Those in which the session still is are told after this, each anew.
    forgetTopics();
    setCurrent(true);
  };

  const topicSnapshot = (of: Scope<P> | undefined, frame: Frame) => {
    if (frame.first && (of || hasRoom(contacts))) {
      if (!of) topics.set(frame.topic!, (of = scope()));
      of.view = frame.view!;
    }
    // Of a topic that is not known nothing is taken in.
    isFull = !!frame.last;
    if (!of) return;
    setCounts(of, frame);
    part(of, frame, true);
  };

  const setCounts = (of: Scope<P>, { counts }: Frame) => {
    of.counts = counts ?? of.counts;
    of.due.add(ANY);
  };

  const notice = (of: Scope<P>, op: string, entry: Entry) => {
    const { u, s } = entry;
    const end = ENDS[op];
    if (end) keep(of, u, end, s);
    else if (op === "directed" || op === "said") say(of, entry);
    else if (/^(user|presence|joined|member)$/.test(op)) show(of, entry);
  };

  const changes = (of: Scope<P>, frame: Frame, isAgain?: boolean) => {
    isFull = false;
    setCounts(of, frame);
    for (const change of list<Entry>(frame.changes)) {
      // Of who has left no session is named.
      notice(of, change.left || change.ended ? "left" : "member", change);
    }
    // Who is gone comes after who is new, and leaves room.
    if (isFull && !isAgain) changes(of, frame, true);
  };

  const take = (frame: Frame) => {
    const { op, topic, id } = frame;
    // Within one connection numbers only grow; a snapshot of everything begins anew.
    if (op === "welcome" || (op === "snapshot" && frame.first && !frame.users)) last = 0;
    if (id! < last) return;
    last = id ?? last;
    if (topic != null) {
      const of = topics.get(topic);
      if (op === "topic") topicSnapshot(of, frame);
      else if (op === "closed") own.forgetTopic(topic);
      else if (of && op === "changes") changes(of, frame);
      else if (of) notice(of, op, frame as Entry);
    } else if (op === "snapshot") snapshot(frame);
    else if (op === "welcome") setCurrent(false);
    else if (op === "visibility") own.visible = !!frame.visible;
    else if (op === "ok") own.forget(list(frame.forget));
    else notice(contacts, op, frame as Entry);
  };

  const own: Omit<Replica<P>, "visible"> & Partial<Replica<P>> = {
    isCurrent: false,
    get size() {
      return size;
    },
    get people() {
      return contacts.show().members;
    },
    get topics() {
      return [...topics.keys()];
    },
    person: (id) => own.people.get(id),
    topic: (name) => topics.get(name)?.show(),
    apply(frame) {
      let fits = true;
      for (const each of list<Frame>([frame].flat())) {
        isFull = false;
        take(each);
        fits &&= !isFull;
      }
      return fits;
    },
    forget(users) {
      for (const u of users) keep(contacts, u, forgetShown);
    },
    forgetTopic(name) {
      topics.get(name)?.all.forEach((held) => (size -= held.size));
      topics.delete(name);
    },
    lose: () => setCurrent(false),
  };
  return own as Replica<P>;
} as unknown as new <P = unknown>(options?: { limit?: number | undefined }) => Replica<P>;
