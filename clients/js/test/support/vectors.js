// The conformance vectors, and how a replica is held against them.

import { readFileSync } from "node:fs";

const SAMPLE = new URL("../../../../tests/vectors/sample.jsonl", import.meta.url);

/** The cases of the sample, or of the file that `ADSUM_VECTORS` names. */
export function cases(path = process.env.ADSUM_VECTORS || SAMPLE) {
  return readFileSync(path, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** Runs a case: what is believed then, in the form of the vectors. */
export function believed(Replica, { frames, limit, belief: { cut: expected } }) {
  const replica = new Replica(limit === undefined ? {} : { limit });
  let cut = 0;
  for (const step of frames) {
    // What comes at once is applied at once, but for what the client does by itself in between.
    let run = [];
    const take = () => {
      // Where some of it finds no room, each frame says so for itself.
      const parts = limit === undefined && expected === undefined ? [run] : run;
      for (const part of parts) cut += replica.apply(part) ? 0 : 1;
      run = [];
    };
    for (const frame of [step].flat()) {
      if (frame.do === "forget_topic") {
        take();
        replica.forgetTopic(frame.topic);
      } else {
        run.push(frame);
      }
    }
    take();
  }
  return belief(replica, cut);
}

function belief(replica, cut) {
  const users = {};
  for (const { id, isOne, presence, idleSince, sessions } of replica.people.values()) {
    users[id] = {
      ...(isOne && { p: presence }),
      ...(isOne && idleSince !== undefined && { idle_since: idleSince }),
      ...(sessions.length > 0 && { sessions: sessions.map(session) }),
    };
  }
  const topics = {};
  for (const name of replica.topics) topics[name] = topic(replica.topic(name));
  return {
    ...(replica.visible !== undefined && { visible: replica.visible }),
    ...(cut > 0 && { cut }),
    users,
    topics,
  };
}

function session({ id, presence, said }) {
  return {
    s: id,
    ...(presence !== undefined && { p: presence }),
    ...(said !== undefined && { directed: said }),
  };
}

function topic({ view, counts, members, said }) {
  const rows = [...members.values()].flatMap(({ id, sessions }) =>
    sessions.map((session) => row(id, session.id, session.presence)),
  );
  const words = said.map(({ user, session, presence }) => row(user, session, presence));
  return { view, counts, members: rows.sort(byName), said: words.sort(byName) };
}

function row(u, s, p) {
  return { u, s, ...(p !== undefined && { p }) };
}

function byName(one, other) {
  if (one.u !== other.u) return one.u < other.u ? -1 : 1;
  return number(one.s) - number(other.s);
}

function number(session) {
  return Number(session.slice(1));
}
