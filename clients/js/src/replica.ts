/** What one session knows of others: a pure fold of the frames that it is sent. */

import type { Counts, Entry, Frame, View } from "./frames.js";
import { list, same } from "./json.js";
import { Topics, type TopicState } from "./topics.js";

export type { Counts, Entry, Frame, View };
export type { Member, MemberSession, Said, TopicState } from "./topics.js";

/**
 * Whether somebody is there. `unknown` before the first snapshot, and from the loss of a connection
 * to the end of the next snapshot.
 */
export type State = "online" | "offline" | "unknown";

/** One device or tab of somebody's. Either `presence` or `directed` is there, or both. */
export interface Session<P> {
  readonly id: string;
  /** What it shows to all who may see it. */
  readonly presence?: P;
  /** What it says to this user only. */
  readonly directed?: P;
}

/** What is known of a user. The same object as long as nothing of it changes. */
export interface Person<P> {
  readonly id: string;
  readonly state: State;
  /**
   * The one state of the user, where the server tells one, or what a session of theirs shows: the
   * one that was told last. In the state `unknown` it is what was known last.
   */
  readonly presence?: P;
  /** What was directed here last and still holds. */
  readonly directed?: P;
  /** If the server tells who is idle and the user is: since when, by the server's clock. */
  readonly idleSince?: number;
  /** In the order in which they were first heard of. */
  readonly sessions: readonly Session<P>[];
}

/** What is believed of one session, or of the user as one. Nothing is `undefined`. */
interface Belief {
  /** `undefined`: the one state of the user. */
  session: string | undefined;
  published: unknown;
  directed: unknown;
  idleSince: number | undefined;
  /** The last snapshot that had begun when each was said. */
  publishedIn: number;
  directedIn: number;
  /** Of two that said something else than before, the later has the higher number. */
  publishedAt: number;
  directedAt: number;
}

interface User<P> {
  id: string;
  beliefs: Belief[];
  /** Made when it is asked for, and kept until something changes. */
  person: Person<P> | undefined;
}

/** Room for as many as a client that shows people to a person can want. */
const LIMIT = 100_000;

/**
 * Takes in frames and says who is there. It has no timer and no socket, and whatever comes in
 * whatever order, it does not throw, and holds at most `limit` sessions, those in topics included.
 *
 * What it returns is the same object as long as nothing changes.
 */
export class Replica<P = unknown> {
  /** Whether its own user is visible, if it has been told. */
  visible: boolean | undefined;
  readonly #limit: number;
  readonly #users = new Map<string, User<P>>();
  readonly #topics = new Topics<P>();
  #size = 0;
  #people: ReadonlyMap<string, Person<P>> | undefined;
  /** The number of the last frame. */
  #last = 0;
  /** The number of the last snapshot that has begun. */
  #snapshot = 0;
  #isOpen = false;
  #isOpenOfUsers = false;
  #isCut = false;
  #isCurrent = false;
  /** Where to look next for somebody whom the open snapshot has not repeated. */
  #old: Iterator<User<P>> | undefined;
  #oldUser: User<P> | undefined;
  #sequence = 0;

  constructor(options: { limit?: number } = {}) {
    this.#limit = options.limit ?? LIMIT;
  }

  // ---- what it can be asked

  /** Whether what is believed is certain: a snapshot has ended, and nothing was lost since. */
  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  /** How many sessions it holds something of, those in topics included. */
  get size(): number {
    return this.#size + this.#topics.size;
  }

  /** Everybody of whom something is known. */
  get people(): ReadonlyMap<string, Person<P>> {
    if (!this.#people) {
      const people = new Map<string, Person<P>>();
      for (const user of this.#users.values()) people.set(user.id, this.#person(user));
      this.#people = people;
    }
    return this.#people;
  }

  /** Returns what is known of a user, if anything is. */
  person(id: string): Person<P> | undefined {
    const user = this.#users.get(id);
    return user && this.#person(user);
  }

  /** Returns the one state of a user, where the server tells one. */
  user(id: string): { presence: P; idleSince?: number } | undefined {
    const held = this.#users.get(id)?.beliefs.find((held) => held.session === undefined);
    if (held?.published === undefined) return undefined;
    const presence = held.published as P;
    return held.idleSince === undefined ? { presence } : { presence, idleSince: held.idleSince };
  }

  /** Returns what is known of a topic, if anything is. */
  topic(name: string): TopicState<P> | undefined {
    return this.#topics.state(name);
  }

  /** The names of the topics that are known. */
  get topics(): string[] {
    return this.#topics.names();
  }

  #person(user: User<P>): Person<P> {
    return (user.person ??= personOf<P>(user, this.#isCurrent));
  }

  // ---- what it is told

  /**
   * Takes in a frame, or several that came at once. Returns whether there was room for all that it
   * said; at the last part of a snapshot, for all that this said.
   */
  apply(frame: Frame | readonly Frame[]): boolean {
    if (Array.isArray(frame)) {
      let fits = true;
      for (const one of frame as readonly Frame[]) fits = this.apply(one) && fits;
      return fits;
    }
    const one = frame as Frame;
    if (!one || typeof one !== "object" || this.#isLate(one)) return true;
    const { op, topic, u, s, p } = one;
    if (typeof topic === "string") return this.#topics.apply(one, topic, this.#room());
    switch (op) {
      case "welcome":
        this.lose();
        break;
      case "snapshot":
        return this.#applySnapshot(one);
      case "visibility":
        this.visible = one.visible === true;
        break;
      case "ok":
        this.forget(list<string>(one.forget));
        break;
      default:
        if (typeof u === "string") return this.#applyNotice(op, u, s, p, one);
    }
    return true;
  }

  /** What it believes is no longer certain: the connection is gone. */
  lose(): void {
    this.#setCurrent(false);
  }

  /** Forgets what these users published: its session watches them no longer. */
  forget(users: Iterable<string>): void {
    for (const id of users) this.#keep(id, (held) => (held.published = undefined));
  }

  /** Forgets a topic: its session has left it, or views nothing of it any more. */
  forgetTopic(name: string): void {
    this.#topics.forget(name);
  }

  /**
   * Returns whether a frame comes too late to be true. Within one connection numbers only grow; a
   * snapshot of everything begins anew.
   */
  #isLate(frame: Frame): boolean {
    const { op, id } = frame;
    if (op === "welcome" || (op === "snapshot" && frame.first === true && !frame.users)) {
      this.#last = 0;
    }
    if (typeof id !== "number") return false;
    const isLate = id < this.#last;
    this.#last = Math.max(this.#last, id);
    return isLate;
  }

  #applyNotice(op: string, u: string, s: string | undefined, p: unknown, frame: Frame): boolean {
    const isIt = (held: Belief) => held.session === s;
    switch (op) {
      case "user":
        return this.#publish(u, undefined, p, frame.idle_since);
      case "offline":
        this.#keep(u, (held) => (held.published = held.directed = undefined));
        return true;
    }
    if (typeof s !== "string") return true;
    switch (op) {
      case "presence":
        return this.#publish(u, s, p, undefined);
      case "directed":
        return this.#direct(u, s, p);
      case "withdrawn":
        this.#keep(u, (held) => isIt(held) && (held.published = undefined));
        break;
      case "over":
        this.#keep(u, (held) => isIt(held) && (held.directed = undefined));
        break;
      case "ended":
        this.#keep(u, (held) => isIt(held) && (held.published = held.directed = undefined));
        break;
    }
    return true;
  }

  #applySnapshot(frame: Frame): boolean {
    const named = frame.users ? list<string>(frame.users) : undefined;
    if (frame.first === true) this.#begin(!named);
    this.visible = frame.visible === true;
    for (const { u, s, p, idle_since } of list<Entry>(frame.entries)) {
      // What finds no room is said at the end.
      this.#publish(u, s ?? undefined, p, s == null ? idle_since : undefined);
    }
    if (frame.last !== true) return true;
    if (named) this.#endOf(named);
    else this.#end();
    return !this.#isCut;
  }

  // ---- snapshots

  #begin(isWhole: boolean): void {
    this.#snapshot += 1;
    this.#isOpen = isWhole;
    this.#isOpenOfUsers = !isWhole;
    this.#isCut = false;
    this.#old = undefined;
    this.#oldUser = undefined;
  }

  /** Ends a snapshot of everything: forgets what it did not repeat, and all topics. */
  #end(): void {
    const old = this.#snapshot;
    for (const id of [...this.#users.keys()]) {
      this.#keep(id, (held) => {
        if (held.publishedIn !== old) held.published = undefined;
        if (held.directedIn !== old) held.directed = undefined;
      });
    }
    this.#isOpen = this.#isOpenOfUsers = false;
    // Those in which the session still is are told after this, each anew.
    this.#topics.clear();
    this.#setCurrent(true);
  }

  /** Ends a snapshot of these users: forgets what it did not repeat of what they published. */
  #endOf(users: Iterable<string>): void {
    for (const id of users) {
      this.#keep(id, (held) => {
        if (held.publishedIn !== this.#snapshot) held.published = undefined;
      });
    }
    this.#isOpenOfUsers = false;
  }

  #setCurrent(isCurrent: boolean): void {
    if (this.#isCurrent === isCurrent) return;
    this.#isCurrent = isCurrent;
    this.#people = undefined;
    for (const user of this.#users.values()) user.person = undefined;
  }

  // ---- beliefs

  #publish(u: string, s: string | undefined, p: unknown, idleSince: unknown): boolean {
    if (p === undefined || p === null) return true;
    const found = this.#belief(u, s);
    if (!found) return false;
    const [user, held] = found;
    held.publishedIn = this.#snapshot;
    const since = typeof idleSince === "number" ? idleSince : undefined;
    if (!same(held.published, p) || held.idleSince !== since) {
      // What is the same stays the same object.
      if (!same(held.published, p)) held.published = p;
      held.idleSince = since;
      held.publishedAt = this.#sequence += 1;
      this.#touch(user);
    }
    return true;
  }

  #direct(u: string, s: string, p: unknown): boolean {
    if (p === undefined || p === null) return true;
    const found = this.#belief(u, s);
    if (!found) return false;
    const [user, held] = found;
    held.directedIn = this.#snapshot;
    if (!same(held.directed, p)) {
      held.directed = p;
      held.directedAt = this.#sequence += 1;
      this.#touch(user);
    }
    return true;
  }

  /** Returns what is believed of a session, which is added if there is room. */
  #belief(u: string, s: string | undefined): [User<P>, Belief] | undefined {
    const known = this.#users.get(u)?.beliefs.find((held) => held.session === s);
    if (!known && this.#room() <= 0 && !this.#makeRoom()) {
      this.#isCut ||= this.#isOpen || this.#isOpenOfUsers;
      return undefined;
    }
    let user = this.#users.get(u);
    if (!user) this.#users.set(u, (user = { id: u, beliefs: [], person: undefined }));
    if (known) return [user, known];
    const held: Belief = {
      session: s,
      published: undefined,
      directed: undefined,
      idleSince: undefined,
      publishedIn: -1,
      directedIn: -1,
      publishedAt: 0,
      directedAt: 0,
    };
    user.beliefs.push(held);
    this.#size += 1;
    return [user, held];
  }

  #room(): number {
    return this.#limit - this.size;
  }

  /** Lets go of a session that the open snapshot has not repeated. Returns whether there was one. */
  #makeRoom(): boolean {
    if (!this.#isOpen || this.#limit <= 0) return false;
    const now = this.#snapshot;
    const isOld = (held: Belief) =>
      (held.published === undefined || held.publishedIn !== now) &&
      (held.directed === undefined || held.directedIn !== now);
    this.#old ??= this.#users.values();
    for (;;) {
      const user = (this.#oldUser ??= this.#old.next().value as User<P> | undefined);
      if (!user) return false;
      const old = user.beliefs.find(isOld);
      if (old) {
        this.#drop(user, (held) => held !== old);
        return true;
      }
      this.#oldUser = undefined;
    }
  }

  /** Lets `change` at what is believed of a user, and drops what is believed no more. */
  #keep(id: string, change: (held: Belief) => unknown): void {
    const user = this.#users.get(id);
    if (!user) return;
    for (const held of user.beliefs) {
      const { published, directed } = held;
      change(held);
      if (published !== held.published || directed !== held.directed) this.#touch(user);
    }
    this.#drop(user, (held) => held.published !== undefined || held.directed !== undefined);
  }

  #drop(user: User<P>, stays: (held: Belief) => boolean): void {
    const before = user.beliefs.length;
    user.beliefs = user.beliefs.filter(stays);
    if (user.beliefs.length === before) return;
    this.#size -= before - user.beliefs.length;
    if (user.beliefs.length === 0) this.#users.delete(user.id);
    this.#touch(user);
  }

  #touch(user: User<P>): void {
    user.person = undefined;
    this.#people = undefined;
  }
}

/** Returns what to show of a user of whom something is known. */
function personOf<P>(user: User<P>, isCurrent: boolean): Person<P> {
  const { id, beliefs } = user;
  let shown: Belief | undefined;
  let said: Belief | undefined;
  for (const held of beliefs) {
    const isOne = held.session === undefined;
    const isLater = !shown || (shown.session !== undefined && held.publishedAt > shown.publishedAt);
    if (held.published !== undefined && (isOne || isLater)) shown = held;
    if (held.directed !== undefined && !(said && said.directedAt > held.directedAt)) said = held;
  }
  return Object.freeze({
    id,
    state: isCurrent ? "online" : "unknown",
    ...(shown && { presence: shown.published as P }),
    ...(said && { directed: said.directed as P }),
    ...(shown?.idleSince !== undefined && { idleSince: shown.idleSince }),
    sessions: Object.freeze(beliefs.flatMap((held) => sessionOf<P>(held))),
  } satisfies Person<P>);
}

function sessionOf<P>({ session, published, directed }: Belief): Session<P>[] {
  if (session === undefined) return [];
  return [
    Object.freeze({
      id: session,
      ...(published !== undefined && { presence: published as P }),
      ...(directed !== undefined && { directed: directed as P }),
    }),
  ];
}
