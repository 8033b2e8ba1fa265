// The server's web page has the client that is built here.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PAGE, bundle, isTheSame } from "../scripts/page.js";

test("the file in the server is what is built here", async () => {
  const built = await bundle();
  assert.ok(built.includes("adsum.v1"));
  assert.ok(isTheSame(PAGE, built), "npm run page, and commit server/web/adsum-client.js");
});

test("a file that is not, is noticed", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "adsum-page-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [path, built] = [join(folder, "client.js"), await bundle()];
  assert.ok(!isTheSame(path, built), "none at all");
  writeFileSync(path, built.replace("adsum.v1", "adsum.v2"));
  assert.ok(!isTheSame(path, built), "another protocol");
  writeFileSync(path, built);
  assert.ok(isTheSame(path, built));
});
