// Makes the file of the client that is part of the server's program, for its web page.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HEAD = "// adsum-client, made of clients/js by its `npm run page`.\n";
export const PAGE = fileURLToPath(new URL("../../../server/web/adsum-client.js", import.meta.url));

/** Returns the client as one file, as it is built now. */
export async function bundle() {
  const path = fileURLToPath(new URL("../dist/index.js", import.meta.url));
  const options = { bundle: true, minify: true, format: "esm", write: false, target: "es2022" };
  const { outputFiles } = await build({ ...options, entryPoints: [path] });
  return HEAD + outputFiles[0].text;
}

/** Returns whether a file is this text. */
export function isTheSame(path, text) {
  try {
    return readFileSync(path, "utf8") === text;
  } catch {
    return false;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, await bundle());
