// The viewer under a sustained drag, beside the bare relay of the same pictures, in one run: `cargo xtask bench viewer`.
//
// In real JupyterLab in headless Chromium the pointer drags the navigator over scans of 16-bit frames. Counted are
// the different pictures that reached the screen, from the pointer to the picture on screen, and the time the
// processor spends in the viewer's own script for each picture. In turns with it the relay sends the same requests
// over the same websocket and comm, one after the other, and draws nothing: what kernel, server, JupyterLab and
// browser need in any case. A screen shows no more pictures than it has refreshes, so that the bound is a share of
// the relay or of the screen, whichever is slower; the share of the relay alone stands beside it.
//
// Usage: CHROMIUM=… node compare.mjs --jupyter JUPYTER [--sizes 128,256,512] [--rounds 3] [--seconds 4]
//        [--results DIR | --no-results]

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { launch } from "../../tests/browser/chromium.mjs";
import { openNotebook, runCell, startServer } from "../../tests/browser/jupyterlab.mjs";
import { st } from "../../tests/browser/viewer.mjs";
import { drag } from "./drag.mjs";
import { refreshes, relay, watch } from "./page.mjs";
import { ownWork } from "./profile.mjs";
import { ensureScan, shapeOf } from "./scan.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
/** Pointer events per second: those of an ordinary mouse. */
const POINTER_HZ = 125;
const LEAST_SHARE = 0.7;
const MAX_OWN_MS = 2;
/** Sizes with a bound on the share. */
const BOUND_SIZES = [256, 512];

const { values: options } = parseArgs({
  options: {
    jupyter: { type: "string" },
    sizes: { type: "string", default: "128,256,512" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
    results: { type: "string", default: join(HERE, "results") },
    "no-results": { type: "boolean", default: false },
  },
});

/** A notebook of its own for each size: a viewer below the edge of the window is not reached by the pointer. */
function writeNotebook(folder, pixels) {
  const cell = { cell_type: "code", id: "scan", metadata: {}, execution_count: null, outputs: [] };
  // Keeps what only the evaluator can keep: a new kernel starts that in the background for some ten seconds, on a core.
  const ready = "let started = vec![1];";
  const source = `let scan = open("scan_${pixels}.npy")?;\nscan`;
  const kernelspec = { name: "signaltree", display_name: "SignalTree (Rust)", language: "rust" };
  const notebook = { cells: [{ ...cell, id: "ready", source: ready }, { ...cell, source }], metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 };
  writeFileSync(join(folder, notebookOf(pixels)), JSON.stringify(notebook));
}

const notebookOf = (pixels) => `drag_${pixels}.ipynb`;

/** Opens the notebook, runs its cells and waits until the viewer is at rest. */
async function show(page, server, pixels) {
  await openNotebook(page, server, `${notebookOf(pixels)}?reset`);
  await runCell(page, 0);
  await runCell(page, 1);
  await page.waitForFunction(() => globalThis.__signaltree_test?.frame, undefined, { timeout: 60_000 });
  await page.locator(st("navigator-canvas")).scrollIntoViewIfNeeded();
  // The exact navigation image is computed meanwhile.
  await page.waitForTimeout(3000);
  await page.evaluate(watch);
}

async function measure(page, cdp, pixels) {
  const shape = shapeOf(pixels);
  const milliseconds = 1000 * Number(options.seconds);
  let start = 0;
  const dragged = async (time) => {
    await page.waitForTimeout(600);
    const found = await drag(page, cdp, shape, { milliseconds: time, perSecond: POINTER_HZ, start });
    start = found.end + 7;
    return found;
  };
  const warm = await dragged(1500);
  await page.evaluate(relay, { requests: warm.asked, milliseconds: 500 });
  const rounds = [];
  for (let round = 0; round < Number(options.rounds); round += 1) {
    const moved = await dragged(milliseconds);
    await page.waitForTimeout(600);
    const floor = await page.evaluate(relay, { requests: moved.asked, milliseconds });
    const screen = await page.evaluate(refreshes, 500);
    rounds.push({ drag: moved, relay: floor, screen });
  }
  const profile = await ownWork(cdp, () => dragged(milliseconds));
  return { pixels, rounds, profile };
}

function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
const median = (values) => percentile(values, 0.5);
const perSecond = (count, milliseconds) => (1000 * count) / milliseconds;

/** Figures of one size of frame: medians over the rounds; latencies over all of them. */
function summary({ pixels, rounds, profile }) {
  const painted = rounds.map(({ drag }) => perSecond(drag.painted.length, drag.milliseconds));
  const relayed = rounds.map(({ relay }) => perSecond(relay.count, relay.milliseconds));
  const screens = rounds.map(({ screen }) => screen);
  const shares = rounds.map((_, i) => painted[i] / relayed[i]);
  const bounded = rounds.map((_, i) => painted[i] / Math.min(relayed[i], screens[i]));
  const latencies = rounds.flatMap(({ drag }) => drag.latencies);
  const times = rounds.flatMap(({ relay }) => relay.times);
  // The lower quartile: other programs of the machine only add to work.
  const own = percentile(rounds.flatMap(({ drag }) => drag.timings.map(({ reply, drawn }) => drawn - reply)), 0.25);
  const { asked } = rounds[0].drag;
  const row = {
    frames: `${pixels}²`,
    painted: median(painted),
    relayed: median(relayed),
    screen: median(screens),
    share_of_relay: median(shares),
    share: median(bounded),
    pointer_to_painted: [median(latencies), percentile(latencies, 0.95)],
    relay_trip: [median(times), percentile(times, 0.95)],
    own,
    profile,
    sent_kb: rounds[0].relay.bytes / rounds[0].relay.count / 1000,
    size_px: asked[0]?.request.size_px,
  };
  return {
    ...row,
    met: {
      share: BOUND_SIZES.includes(pixels) ? row.share >= LEAST_SHARE : null,
      own: own <= MAX_OWN_MS,
    },
  };
}

const figure = (value, digits = 3) => (Number.isFinite(value) ? String(Number(value.toPrecision(digits))) : "–");
const verdict = (met) => ({ true: "yes", false: "**no**", null: "" })[String(met)];

function table(rows) {
  const lines = [
    `| frames | new pictures/s | relay/s | screen/s | share of the relay | share, ≥ ${LEAST_SHARE} | met | pointer → painted p50 / p95 | relay's trip p50 / p95 | own work per picture, ≤ ${MAX_OWN_MS} ms | met | profiled: unpacking / mapping / painting / marks and panels | sent |`,
    `|${"---|".repeat(13)}`,
  ];
  for (const row of rows) {
    const pair = ([a, b]) => `${figure(a)} / ${figure(b)} ms`;
    const { unpacking, mapping, painting, panels } = row.profile;
    lines.push(
      `| ${[
        row.frames,
        figure(row.painted),
        figure(row.relayed),
        figure(row.screen),
        figure(row.share_of_relay, 2),
        figure(row.share, 2),
        verdict(row.met.share),
        pair(row.pointer_to_painted),
        pair(row.relay_trip),
        `${figure(row.own, 2)} ms`,
        verdict(row.met.own),
        `${[unpacking, mapping, painting, panels].map((time) => figure(time, 2)).join(" / ")} ms`,
        `${figure(row.sent_kb)} kB`,
      ].join(" | ")} |`,
    );
  }
  return lines.join("\n");
}

/** What a reader needs to judge the figures, without names and paths. */
function machine(browser) {
  const said = (program, ...words) => spawnSync(program, words, { encoding: "utf8" }).stdout?.trim().split("\n")[0] ?? "";
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} threads`,
    memory_gb: Math.round(totalmem() / 1e9),
    system: `${process.platform} ${process.arch}`,
    load_at_start: Number(loadavg()[0].toFixed(1)),
    browser: `Chromium ${browser.version()}, headless, software rendering`,
    jupyterlab: said(options.jupyter, "lab", "--version"),
  };
}

function writeResults(described, rows, measured) {
  mkdirSync(options.results, { recursive: true });
  const stem = join(options.results, described.date);
  const heading = Object.entries(described).map(([name, value]) => `- ${name}: ${value}`).join("\n");
  writeFileSync(`${stem}.md`, `# The viewer under a sustained drag\n\n${heading}\n\n${table(rows)}\n`);
  const rounds = measured.map(({ pixels, rounds }) => ({
    pixels,
    rounds: rounds.map(({ drag, relay, screen }) => ({
      painted: drag.painted.length,
      drawn: drag.drawn,
      asked: drag.asked.length,
      pointer_moves: drag.moved,
      milliseconds: drag.milliseconds,
      relayed: relay.count,
      relay_milliseconds: relay.milliseconds,
      screen,
    })),
  }));
  writeFileSync(`${stem}.json`, `${JSON.stringify({ machine: described, rows, rounds }, null, 1)}\n`);
  console.log(`\nwritten: ${relative(process.cwd(), stem)}.md and .json`);
}

const sizes = options.sizes.split(",").map(Number);
const folder = mkdtempSync(join(tmpdir(), "viewer-bench-"));
let server;
let browser;
try {
  for (const pixels of sizes) {
    ensureScan(join(folder, `scan_${pixels}.npy`), pixels);
    writeNotebook(folder, pixels);
  }
  server = await startServer(options.jupyter, folder);
  browser = await launch();
  const described = machine(browser);
  const measured = [];
  for (const pixels of sizes) {
    const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
    const cdp = await page.context().newCDPSession(page);
    await show(page, server, pixels);
    measured.push(await measure(page, cdp, pixels));
    await page.close();
    console.log(table([summary(measured.at(-1))]).split("\n").at(-1));
  }
  const rows = measured.map(summary);
  console.log(`\n${table(rows)}`);
  if (!options["no-results"]) {
    writeResults(described, rows, measured);
  }
  const missed = rows.some(({ met }) => met.share === false || met.own === false);
  process.exitCode = missed ? 1 : 0;
} finally {
  await browser?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
}
