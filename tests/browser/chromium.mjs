// Headless Chromium for the browser tests: playwright-core from the widget's packages, the
// system's browser (CHROMIUM names it), nothing downloaded.

import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const require = createRequire(new URL("../../widget/package.json", import.meta.url));
const { chromium } = require("playwright-core");

export const SCREENSHOTS = fileURLToPath(new URL("./screenshots/", import.meta.url));

export async function launch() {
  const executablePath = process.env.CHROMIUM;
  if (!executablePath) {
    throw new Error("set CHROMIUM to the path of a Chromium browser");
  }
  mkdirSync(SCREENSHOTS, { recursive: true });
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  });
}

let failed = 0;

/** Runs one named check; prints `ok - name` or `not ok - name: why`. Returns whether it held. */
export async function check(name, work) {
  const start = performance.now();
  try {
    const note = await work();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`ok - ${name} (${seconds} s)${note ? `: ${note}` : ""}`);
    return true;
  } catch (error) {
    failed += 1;
    console.log(`not ok - ${name}: ${String(error?.message ?? error).split("\n").slice(0, 6).join(" | ")}`);
    return false;
  }
}

export function expect(condition, message) {
  if (!condition) {
    throw new Error(message);
  }
}

/** Exit status of the script. */
export function verdict() {
  return failed === 0 ? 0 : 1;
}
