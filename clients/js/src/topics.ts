/** What is believed of topics: the part of the replica that is apart from contacts. */

import type { Counts, Entry, Frame, View } from "./frames.js";
import { list, same } from "./json.js";

/** One session of a member. */
export interface MemberSession<P> {
  readonly id: string;
  /** What it shows in the topic, if anything. */
  readonly presence?: P;
}

/** A user who is in a topic. */
export interface Member<P> {
  readonly id: string;
  /** What a session of theirs shows there: the one that was told last. */
  readonly presence?: P;
  readonly sessions: readonly MemberSession<P>[];
}

/** What a session says in a topic, and still holds. */
export interface Said<P> {
  readonly user: string;
  readonly session: string;
  readonly presence: P;
}

/** What is known of a topic. The same object, and the same parts, as long as nothing changes. */
export interface TopicState<P> {
  /** What is shown of it: in a large topic a sample, where all was asked for. */
  readonly view: View;
  /** As it was told last. Who views all counts `members`. */
  readonly counts: Counts;
  /** In the order in which they joined. */
  readonly members: ReadonlyMap<string, Member<P>>;
  readonly said: readonly Said<P>[];
}

interface Belief {
  session: string;
  isMember: boolean;
  presence: unknown;
  said: unknown;
  /** The last snapshot of the topic that had begun when something was said of it. */
  snapshot: number;
  /** Of two that show something else than before, the later has the higher number. */
  at: number;
}

interface Topic<P> {
  view: View;
  counts: Counts;
  users: Map<string, Belief[]>;
  snapshot: number;
  isOpen: boolean;
  state: TopicState<P> | undefined;
  members: ReadonlyMap<string, Member<P>> | undefined;
  said: readonly Said<P>[] | undefined;
  /** Members as they were made, by user. */
  made: Map<string, Member<P>>;
  /** Users in the order in which the open snapshot has them. */
  order: Set<string>;
}

export class Topics<P> {
  /** How many sessions it holds something of. */
  size = 0;
  readonly #topics = new Map<string, Topic<P>>();
  #sequence = 0;

  names(): string[] {
    return [...this.#topics.keys()];
  }

  state(name: string): TopicState<P> | undefined {
    const topic = this.#topics.get(name);
    if (!topic) return undefined;
    const { view, counts } = topic;
    const [members, said] = [membersOf(topic), saidOf(topic)];
    return (topic.state ??= Object.freeze({ view, counts, members, said }));
  }

  /** Takes in a frame about a topic, if so many sessions more may be held. */
  apply(frame: Frame, name: string, room: number): boolean {
    const { op, u, s, p } = frame;
    if (op === "topic") return this.#applySnapshot(frame, name, room);
    const topic = this.#topics.get(name);
    if (!topic) return true;
    if (op === "closed") this.forget(name);
    if (op === "changes") return this.#applyChanges(frame, topic, room);
    if (typeof u !== "string") return true;
    if (op === "left") this.#drop(topic, u, () => false);
    if (typeof s !== "string") return true;
    switch (op) {
      case "joined":
      case "member":
        return this.#setMember(topic, u, s, p, room);
      case "said":
        return this.#setSaid(topic, u, s, p, room);
      case "member_ended":
        this.#drop(topic, u, (held) => held.session !== s);
        break;
      case "said_over":
        this.#drop(topic, u, (held) => {
          if (held.session === s) forgetSaid(topic, held);
          return held.isMember || held.said !== undefined;
        });
        break;
    }
    return true;
  }

  forget(name: string): void {
    const topic = this.#topics.get(name);
    for (const beliefs of topic?.users.values() ?? []) this.size -= beliefs.length;
    this.#topics.delete(name);
  }

  clear(): void {
    this.#topics.clear();
    this.size = 0;
  }

  #applySnapshot(frame: Frame, name: string, room: number): boolean {
    if (frame.first === true) this.#begin(name, frame.view ?? "all");
    const topic = this.#topics.get(name);
    if (!topic) return true;
    setCounts(topic, frame.counts);
    const before = this.size;
    let fits = true;
    for (const { u, s, p } of list<Entry>(frame.entries)) {
      if (typeof s !== "string") continue;
      fits = this.#setMember(topic, u, s, p, room - (this.size - before)) && fits;
    }
    if (frame.last === true && topic.isOpen) this.#end(topic);
    return fits;
  }

  #applyChanges(frame: Frame, topic: Topic<P>, room: number): boolean {
    setCounts(topic, frame.counts);
    const before = this.size;
    let fits = true;
    for (const { u, s, p, ended, left } of list<Entry>(frame.changes)) {
      if (left) this.#drop(topic, u, () => false);
      else if (typeof s !== "string") continue;
      else if (ended === true) this.#drop(topic, u, (held) => held.session !== s);
      else fits = this.#setMember(topic, u, s, p, room - (this.size - before)) && fits;
    }
    return fits;
  }

  #begin(name: string, view: View): void {
    let topic = this.#topics.get(name);
    if (!topic) {
      topic = {
        view,
        counts: { users: 0, sessions: 0, observers: 0 },
        users: new Map(),
        snapshot: 0,
        isOpen: false,
        state: undefined,
        members: undefined,
        said: undefined,
        made: new Map(),
        order: new Set(),
      };
      this.#topics.set(name, topic);
    }
    if (topic.view !== view) topic.state = undefined;
    topic.view = view;
    topic.snapshot += 1;
    topic.isOpen = true;
    topic.order.clear();
  }

  /** Ends a snapshot: whoever is not in it is gone, and so is what was said. */
  #end(topic: Topic<P>): void {
    topic.isOpen = false;
    for (const u of [...topic.users.keys()]) {
      this.#drop(topic, u, (held) => {
        forgetSaid(topic, held);
        return held.snapshot === topic.snapshot && held.isMember;
      });
    }
    const order = [...topic.order].filter((u) => topic.users.has(u));
    const before = [...topic.users.keys()];
    if (order.some((u, at) => u !== before[at])) {
      topic.users = new Map(order.map((u) => [u, topic.users.get(u)!]));
      topic.state = topic.members = undefined;
    }
  }

  #setMember(topic: Topic<P>, u: string, s: string, p: unknown, room: number): boolean {
    const held = this.#belief(topic, u, s, room);
    if (!held) return false;
    const presence = p ?? undefined;
    if (!held.isMember || !same(held.presence, presence)) {
      held.isMember = true;
      if (!same(held.presence, presence)) held.presence = presence;
      held.at = this.#sequence += 1;
      touch(topic, u);
    }
    return true;
  }

  #setSaid(topic: Topic<P>, u: string, s: string, p: unknown, room: number): boolean {
    if (p === undefined || p === null) return true;
    const held = this.#belief(topic, u, s, room);
    if (!held) return false;
    if (!same(held.said, p)) {
      held.said = p;
      topic.state = topic.said = undefined;
    }
    return true;
  }

  /** Returns what is believed of a session in a topic, which is added if there is room. */
  #belief(topic: Topic<P>, u: string, s: string, room: number): Belief | undefined {
    let beliefs = topic.users.get(u);
    let held = beliefs?.find((held) => held.session === s);
    if (!held) {
      if (room <= 0) return undefined;
      if (!beliefs) topic.users.set(u, (beliefs = []));
      const [presence, said, snapshot] = [undefined, undefined, topic.snapshot];
      held = { session: s, isMember: false, presence, said, snapshot, at: 0 };
      beliefs.push(held);
      this.size += 1;
    }
    held.snapshot = topic.snapshot;
    if (topic.isOpen) topic.order.add(u);
    return held;
  }

  #drop(topic: Topic<P>, u: string, stays: (held: Belief) => boolean): void {
    const beliefs = topic.users.get(u);
    if (!beliefs) return;
    const staying = beliefs.filter(stays);
    if (staying.length === beliefs.length) return;
    const gone = beliefs.filter((held) => !staying.includes(held));
    this.size -= gone.length;
    if (staying.length > 0) topic.users.set(u, staying);
    else topic.users.delete(u);
    if (gone.some((held) => held.isMember)) touch(topic, u);
    for (const held of gone) forgetSaid(topic, held);
  }
}

function setCounts<P>(topic: Topic<P>, counts: Counts | undefined): void {
  if (!counts || same(topic.counts, counts)) return;
  topic.counts = counts;
  topic.state = undefined;
}

function forgetSaid<P>(topic: Topic<P>, held: Belief): void {
  if (held.said !== undefined) topic.state = topic.said = undefined;
  held.said = undefined;
}

function touch<P>(topic: Topic<P>, u: string): void {
  topic.made.delete(u);
  topic.state = topic.members = undefined;
}

function membersOf<P>(topic: Topic<P>): ReadonlyMap<string, Member<P>> {
  if (topic.members) return topic.members;
  const members = new Map<string, Member<P>>();
  for (const [u, beliefs] of topic.users) {
    if (!beliefs.some((held) => held.isMember)) continue;
    const member = topic.made.get(u) ?? memberOf<P>(u, beliefs);
    topic.made.set(u, member);
    members.set(u, member);
  }
  return (topic.members = members);
}

function memberOf<P>(id: string, beliefs: Belief[]): Member<P> {
  const sessions = beliefs.filter((held) => held.isMember);
  const shown = sessions.filter((held) => held.presence !== undefined);
  const newest = shown.sort((one, other) => other.at - one.at)[0];
  return Object.freeze({
    id,
    ...(newest && { presence: newest.presence as P }),
    sessions: Object.freeze(
      sessions.map(({ session, presence }) =>
        Object.freeze({ id: session, ...(presence !== undefined && { presence: presence as P }) }),
      ),
    ),
  });
}

function saidOf<P>(topic: Topic<P>): readonly Said<P>[] {
  if (topic.said) return topic.said;
  const said: Said<P>[] = [];
  for (const [user, beliefs] of topic.users) {
    for (const held of beliefs) {
      if (held.said === undefined) continue;
      const { session } = held;
      said.push(Object.freeze({ user, session, presence: held.said as P }));
    }
  }
  return (topic.said = Object.freeze(said));
}
