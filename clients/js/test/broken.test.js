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

// What is wrong, the line and what takes its place, and what is added.
const FAULTS = [
  [
    "departures of one message are taken in after its arrivals",
    "for (const each of list([frame].flat()))",
    "for (const each of [frame].flat().sort((a, b) => gone(a) - gone(b)))",
    GONE,
  ],
  [
    "departures of one message are taken in before its arrivals",
    "for (const each of list([frame].flat()))",
    "for (const each of [frame].flat().sort((a, b) => gone(b) - gone(a)))",
    GONE,
  ],
  ["numbers are ignored", "if (id < last)", "if (false)"],
  [
    "numbers go on after a snapshot of everything",
    `(op === "snapshot" && frame.first && !frame.users)`,
    "false",
  ],
  ["a snapshot is merged with what was believed", "if (held.pIn !== mark)", "if (false)"],
  [
    "a snapshot forgets everybody at its first part",
    "of.mark = ++count;",
    "of.mark = ++count; if (of === contacts && users === true) { of.all.clear(); size = 0; }",
  ],
  ["what was directed outlives a snapshot", "users === true && held.dIn", "false && held.dIn"],
  ["a snapshot of some forgets what was directed", "users === true && held.dIn", "held.dIn"],
  [
    "a snapshot of some is one of everybody",
    "const users = frame.users && new Set(list(frame.users));",
    "const users = undefined;",
  ],
  ["topics outlive a snapshot of everything", "forgetTopics();\n        set", "set"],
  ["a withdrawal ends the session", "withdrawn: forgetShown,", "withdrawn: drop,"],
  ["what is over ends the session", "over: forgetSaid,\n    said", "over: drop,\n    said"],
  ["what was said in a topic ends nothing", "said_over: forgetSaid,", ""],
  ["what was said in a topic ends the membership", "said_over: forgetSaid,", "said_over: drop,"],
  ["what an ended session said holds", "    ended: drop,", "    ended: forgetShown,"],
  [
    "the end of a session is the end of its user",
    "keep(of, u, end, s);",
    "keep(of, u, end, end === drop ? null : s);",
  ],
  ["what was said by one who is offline holds", "offline: drop,", "offline: forgetShown,"],
  ["who has left stays", "left: drop,", ""],
  ["a member's session that ends stays", "member_ended: drop,", ""],
  [
    "what is directed takes the place of what is published",
    "held.d = p;",
    "held.d = held.p = p;",
  ],
  [
    "who is watched no longer is forgotten altogether",
    "keep(contacts, u, forgetShown);",
    "keep(contacts, u, drop);",
  ],
  ["what is watched no longer is kept", "own.forget(list(frame.forget));", ";"],
  ["who is idle stays so", "held.idle = idle_since;", "held.idle ??= idle_since;"],
  [
    "a snapshot does not say whether one is visible",
    "own.visible = !!frame.visible;\n        part",
    "part",
  ],
  [
    "visibility is not heard",
    `else if (op === "visibility")
            own.visible = !!frame.visible;`,
    "",
  ],
  ["an empty presence is none", "const next = p ?? undefined;", "const next = p || undefined;"],
  ["there is no limit", "size + topics.size < limit", "true"],
  ["topics do not count", "size + topics.size < limit", "size < limit"],
  ["who is in a topic does not count", "return isFree();", "return of !== contacts || isFree();"],
  ["a topic that finds no room is known", "&& (of || hasRoom(contacts))", ""],
  ["a topic that is not known is taken in", "isFull = !!frame.last;", ""],
  ["who takes over finds no room", "of.open || !all.has(u) || size > limit", "true"],
  ["whoever comes finds room as if to take over", "of.open || !all.has(u) ||", "of.open ||"],
  ["who takes over in a snapshot finds room", "of.open || !all.has(u) ||", "!all.has(u) ||"],
  ["whoever is there finds room", "!all.has(u) || size > limit", "!all.has(u)"],
  [
    "who takes over finds no room if topics take it",
    "!all.has(u) || size > limit",
    "!all.has(u) || size + topics.size > limit",
  ],
  ["nobody makes room for a snapshot", "if (!isFree() && of.bare", "if (false && of.bare"],
  [
    "no topic makes room for a snapshot",
    "if (!isFree() && of === contacts && of.open === true)",
    "if (false)",
  ],
  [
    "others make room for a snapshot before topics do",
    "of === contacts && of.open === true)",
    "of === contacts && of.open === true && of.bare === of.mark)",
  ],
  [
    "nobody in a topic makes room for its snapshot",
    "if (!isFree() && of.bare",
    "if (!isFree() && of === contacts && of.bare",
  ],
  ["a notice makes others go", "forgetOld(of, of.open);", "forgetOld(of, of.open || true);"],
  ["nobody hears that there was no room", "isFull = of.cut = true;", "isFull = true;"],
  ["who is gone by a tick leaves no room for who is new", "if (isFull && !isAgain)", "if (false)"],
  [
    "a snapshot of a topic is merged with what was believed",
    "if (held.pIn !== mark)",
    "if (of === contacts && held.pIn !== mark)",
  ],
  [
    "what was said outlives a snapshot of the topic",
    "users === true && held.dIn",
    "users === true && of === contacts && held.dIn",
  ],
  ["who says something is a member", "else if (held.m)", "else if ((held.m = true))"],
  ["a session that a tick ends stays", "change.left || change.ended", "change.left"],
  ["who has left by a tick stays", "change.left || change.ended", "change.ended"],
  [
    "a member that shows nothing shows what it did",
    "const next = p ?? undefined;",
    "const next = p ?? held.p;",
  ],
  ["a topic that is closed stays", `else if (op === "closed")`, "else if (false)"],
  ["a topic keeps the view it had", "of.view = frame.view;", ""],
  ["counts are not heard", "of.counts = counts ?? of.counts;", ""],
  [
    "who joins an unknown topic opens it",
    "const of = topics.get(topic);",
    "let of = topics.get(topic); if (!of) topics.set(topic, (of = scope()));",
  ],
];

let folder;
before(async () => (folder = await mkdtemp(join(tmpdir(), "adsum-client-"))));
after(() => rm(folder, { recursive: true }));

/** Returns the replica with one fault. */
async function broken([, line, instead, more = ""], nth) {
  const copy = join(folder, `${nth}`);
  await cp(DIST, copy, { recursive: true });
  await writeFile(join(copy, "package.json"), `{"type":"module"}`);
  const path = join(copy, "replica.js");
  const source = await readFile(path, "utf8");
  assert.equal(source.split(line).length, 2, `replica.js has this once: ${line}`);
  await writeFile(path, source.replace(line, () => instead) + more);
  return (await import(pathToFileURL(path).href)).Replica;
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
