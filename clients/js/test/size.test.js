// A page has to load it.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { test } from "node:test";
import { build } from "esbuild";

const MOST = 12_000;

async function minified(entry) {
  const path = fileURLToPath(new URL(`../dist/${entry}.js`, import.meta.url));
  const options = { bundle: true, minify: true, format: "esm", write: false, target: "es2022" };
  const { outputFiles } = await build({ ...options, entryPoints: [path] });
  return outputFiles[0].contents;
}

test(`all of it, minified by esbuild, is less than ${MOST} bytes`, async () => {
  const all = await minified("index");
  assert.ok(all.length < MOST, `it has ${all.length}, gzipped ${gzipSync(all).length}`);
  assert.ok((await minified("replica")).length < all.length / 2, "the replica can be had alone");
});
