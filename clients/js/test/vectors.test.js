// The replica believes what the engine's own believes, in every case of the vectors.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Replica } from "../dist/replica.js";
import { believed, cases } from "./support/vectors.js";

const all = cases();

test(`${all.length} histories are believed as the engine's own replica believes them`, () => {
  assert.ok(all.length >= 200);
  for (const one of all) {
    const said = `seed ${one.seed}: ${JSON.stringify(one.frames)}`;
    assert.deepEqual(believed(Replica, one), one.belief, said);
  }
});
