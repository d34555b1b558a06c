// Builds the bundle that the kernel carries: dist/index.js (one ES module) and dist/style.css.
// `--dev` also builds dev/dist/ (the viewer with a kernel that lives in the page).
// `--named DIR` builds both files there, with the names of their functions, and nothing else.

import { mkdir, stat } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname;
const common = {
  absWorkingDir: here,
  bundle: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  charset: "utf8",
  logLevel: "warning",
};

async function bundle(folder, minify) {
  await mkdir(join(here, folder), { recursive: true });
  await build({ ...common, entryPoints: ["src/index.ts"], outfile: `${folder}/index.js`, minify });
  await build({ ...common, entryPoints: ["src/style.css"], outfile: `${folder}/style.css`, minify });
}

const named = process.argv.indexOf("--named");
if (named > 0) {
  await bundle(relative(here, resolve(process.argv[named + 1])), false);
  process.exit();
}
await bundle("dist", true);
if (process.argv.includes("--dev")) {
  await build({ ...common, entryPoints: ["dev/page.ts"], outfile: "dev/dist/page.js", sourcemap: "inline" });
}

for (const file of ["dist/index.js", "dist/style.css"]) {
  const kilobytes = (await stat(join(here, file))).size / 1000;
  console.log(`${file} ${kilobytes.toFixed(1)} kB`);
}
// Room for complex values and colours, sliders of four axes, and menus that are asked for; no more than that.
const LIMIT = 176_000;
const script = (await stat(join(here, "dist/index.js"))).size;
if (script > LIMIT) {
  throw new Error(`dist/index.js has ${script} bytes; every model sends it again, the limit is ${LIMIT}`);
}
