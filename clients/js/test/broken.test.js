// A fold that is wrong is found by the vectors: else they would prove nothing.
//
// Each is the replica as it is shipped, with one line changed.

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { after, before, test } from "node:test";
import { believed, cases } from "./support/vectors.js";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));

const GONE = `
  const gone = ({ op }) => Number(["offline", "ended", "left", "member_ended"].includes(op));
`;

// What is wrong, the file, the line and what takes its place.
const FAULTS = [
  [
    "departures of one message are taken in after its arrivals",
    "replica",
    "for (const one of frame)",
    "for (const one of [...frame].sort((a, b) => gone(a) - gone(b)))",
    GONE,
  ],
  [
    "departures of one message are taken in before its arrivals",
    "replica",
    "for (const one of frame)",
    "for (const one of [...frame].sort((a, b) => gone(b) - gone(a)))",
    GONE,
  ],
  ["numbers are ignored", "replica", "const isLate = id < this.#last;", "const isLate = false;"],
  [
    "numbers go on after a snapshot of everything",
    "replica",
    `(op === "snapshot" && frame.first === true && !frame.users)`,
    "false",
  ],
  [
    "a snapshot is merged with what was believed",
    "replica",
    "if (held.publishedIn !== old)\n                    held.published = undefined;",
    "",
  ],
  [
    "a snapshot forgets everybody at its first part",
    "replica",
    "this.#snapshot += 1;",
    "this.#snapshot += 1; if (isWhole) { this.#users.clear(); this.#size = 0; }",
  ],
  [
    "what was directed outlives a snapshot",
    "replica",
    "if (held.directedIn !== old)\n                    held.directed = undefined;",
    "",
  ],
  ["a snapshot of some is one of everybody", "replica", "if (named)", "if (false)"],
  [
    "a snapshot of some leaves out nobody",
    "replica",
    "if (held.publishedIn !== this.#snapshot)",
    "if (false)",
  ],
  [
    "a snapshot of some forgets what was directed",
    "replica",
    "if (held.publishedIn !== this.#snapshot)\n                    held.published = undefined;",
    "if (held.publishedIn !== this.#snapshot)\n held.published = held.directed = undefined;",
  ],
  ["topics outlive a snapshot of everything", "replica", "this.#topics.clear();", ""],
  [
    "a withdrawal ends the session",
    "replica",
    "isIt(held) && (held.published = undefined)",
    "isIt(held) && (held.published = held.directed = undefined)",
  ],
  [
    "what is over ends the session",
    "replica",
    "isIt(held) && (held.directed = undefined)",
    "isIt(held) && (held.published = held.directed = undefined)",
  ],
  [
    "what an ended session directed holds",
    "replica",
    "isIt(held) && (held.published = held.directed = undefined)",
    "isIt(held) && (held.published = undefined)",
  ],
  [
    "the end of a session is the end of its user",
    "replica",
    "isIt(held) && (held.published = held.directed = undefined)",
    "(held.published = held.directed = undefined)",
  ],
  [
    "what was directed by one who is offline holds",
    "replica",
    `case "offline":
                this.#keep(u, (held) => (held.published = held.directed = undefined));`,
    `case "offline":
                this.#keep(u, (held) => (held.published = undefined));`,
  ],
  [
    "what is directed takes the place of what is published",
    "replica",
    "held.directed = p;",
    "held.directed = held.published = p;",
  ],
  [
    "who is watched no longer is forgotten altogether",
    "replica",
    "this.#keep(id, (held) => (held.published = undefined));",
    "this.#keep(id, (held) => (held.published = held.directed = undefined));",
  ],
  ["what is watched no longer is kept", "replica", "this.forget(list(one.forget));", ""],
  ["who is idle stays so", "replica", "held.idleSince = since;", "held.idleSince ??= since;"],
  [
    "a snapshot does not say whether one is visible",
    "replica",
    "this.visible = frame.visible === true;",
    "",
  ],
  ["visibility is not heard", "replica", "this.visible = one.visible === true;", ""],
  [
    "an empty presence is none",
    "replica",
    "#publish(u, s, p, idleSince) {",
    "#publish(u, s, p, idleSince) { p ||= undefined;",
  ],
  ["there is no limit", "replica", "return this.#limit - this.size;", "return 1;"],
  [
    "topics do not count",
    "replica",
    "return this.#limit - this.size;",
    "return this.#limit - this.#size;",
  ],
  ["nobody makes room for a snapshot", "replica", "!this.#makeRoom()", "true"],
  [
    "a snapshot of a topic is merged with what was believed",
    "topics",
    "return held.snapshot === topic.snapshot && held.isMember;",
    "return held.isMember;",
  ],
  [
    "what was said outlives a snapshot of the topic",
    "topics",
    `forgetSaid(topic, held);
                return held.snapshot`,
    "return held.snapshot",
  ],
  [
    "who says something is a member",
    "topics",
    "held.said = p;",
    "held.said = p; held.isMember = true;",
  ],
  [
    "what is over ends the membership",
    "topics",
    "return held.isMember || held.said !== undefined;",
    "return held.said !== undefined;",
  ],
  [
    "one session that leaves takes the user's others along",
    "topics",
    `case "member_ended":
                this.#drop(topic, u, (held) => held.session !== s);`,
    `case "member_ended":
                this.#drop(topic, u, () => false);`,
  ],
  [
    "a session that a tick ends takes the user's others along",
    "topics",
    `else if (ended === true)
                this.#drop(topic, u, (held) => held.session !== s);`,
    `else if (ended === true)
                this.#drop(topic, u, () => false);`,
  ],
  ["who has left stays", "topics", `if (op === "left")`, "if (false)"],
  ["who has left by a tick stays", "topics", "if (left)", "if (false)"],
  [
    "a member that shows nothing shows what it did",
    "topics",
    "const presence = p ?? undefined;",
    "const presence = p ?? held.presence;",
  ],
  ["a topic that is closed stays", "topics", `if (op === "closed")`, "if (false)"],
  ["a topic keeps the view it had", "topics", "topic.view = view;", ""],
  ["counts are not heard", "topics", "topic.counts = counts;", ""],
];

let folder;
before(async () => (folder = await mkdtemp(join(tmpdir(), "adsum-client-"))));
after(() => rm(folder, { recursive: true }));

/** Returns the replica with one fault. */
async function broken([, file, line, instead, more = ""], nth) {
  const copy = join(folder, `${nth}`);
  await cp(DIST, copy, { recursive: true });
  await writeFile(join(copy, "package.json"), `{"type":"module"}`);
  const path = join(copy, `${file}.js`);
  const source = await readFile(path, "utf8");
  assert.equal(source.split(line).length, 2, `${file}.js has this line once: ${line}`);
  await writeFile(path, source.replace(line, () => instead) + more);
  return (await import(pathToFileURL(join(copy, "replica.js")).href)).Replica;
}

for (const [nth, fault] of FAULTS.entries()) {
  test(`it is found if ${fault[0]}`, async () => {
    const Replica = await broken(fault, nth);
    const isWrong = (one) => {
      try {
        assert.deepEqual(believed(Replica, one), one.belief);
        return false;
      } catch (error) {
        if (error.code !== "ERR_ASSERTION") throw error;
        return true;
      }
    };
    assert.ok(sample.some(isWrong), "every case is believed all the same");
  });
}

const sample = cases();
