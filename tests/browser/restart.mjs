// A kernel that is restarted, killed, or not there any more, in real JupyterLab in headless Chromium:
// what the page shows, and how it becomes live again.
// Usage: CHROMIUM=… node restart.mjs JUPYTER FOLDER SAMPLE (FOLDER holds the sample).

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { check, expect, launch, SCREENSHOTS, verdict } from "./chromium.mjs";
import { kernelIdle, openNotebook, startServer } from "./jupyterlab.mjs";

const [jupyter, folder, sample] = process.argv.slice(2);
const NOTEBOOK = "restart.ipynb";
const [OPEN, FLAT, SHOW_FLAT, SHOW_SCAN, RESTORE, SLEEP] = [0, 1, 2, 3, 4, 5];
const CELLS = [
  `let scan = open("${sample}")?;`,
  "let flat = scan.subtract_background(RadialMedian::default())?;",
  "flat",
  "scan",
  "restore()?",
  'std::thread::sleep(std::time::Duration::from_secs(20)); std::fs::write("ended", "")?;',
];
/** The first cell may have to wait for the compiler. */
const CELL_MS = 180_000;
/** Where the kernels of this test write down their trees. */
const JOURNALS = join(process.env.JUPYTER_RUNTIME_DIR ?? join(folder, "runtime"), "signaltree/journal");

const screenshot = (page, name) => page.screenshot({ path: join(SCREENSHOTS, `restart_${name}.png`) });

/** A notebook with the cells of this test, as another program would write it. */
function writeNotebook(name) {
  const cells = CELLS.map((source, number) => ({
    cell_type: "code",
    id: `cell-${number}`,
    metadata: {},
    execution_count: null,
    outputs: [],
    source,
  }));
  const kernelspec = { name: "signaltree", display_name: "SignalTree (Rust)", language: "rust" };
  writeFileSync(
    join(folder, name),
    JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }),
  );
}

/** Runs one cell and waits for its end; an error in it is an error here. */
function run(page, index) {
  return page.evaluate(
    async ([at, limit]) => {
      const panel = globalThis.jupyterapp.shell.currentWidget;
      const notebook = panel.content;
      await notebook.scrollToItem(at);
      notebook.activeCellIndex = at;
      notebook.deselectAll();
      const ended = globalThis.jupyterapp.commands.execute("notebook:run-cell");
      const late = new Promise((_, reject) => setTimeout(() => reject(new Error("the cell did not end")), limit));
      await Promise.race([ended, late]);
      const outputs = notebook.model.cells.get(at).toJSON().outputs;
      const error = outputs.find((output) => output.output_type === "error");
      if (error) {
        throw new Error(`${error.ename}: ${error.evalue}`);
      }
      return outputs.map((output) => output.data?.["text/plain"] ?? output.text ?? "").join("\n");
    },
    [index, CELL_MS],
  );
}

const viewerOf = (page, index) => page.locator(`[data-windowed-list-index="${index}"] [data-st="viewer"]`);
const statusOf = (page, index) => page.locator(`[data-windowed-list-index="${index}"] [data-st="status"]`);
const shows = (page, index) =>
  page.evaluate((at) => globalThis.jupyterapp.shell.currentWidget.content.scrollToItem(at), index);

async function textOf(page, index) {
  const cell = page.locator(`[data-windowed-list-index="${index}"] .jp-OutputArea`);
  return (await cell.first().textContent().catch(() => "")) ?? "";
}

/** Waits until the status line of the viewer of a cell fulfils `wanted`. */
async function status(page, index, wanted, what, timeout = 15_000) {
  await shows(page, index);
  for (const end = Date.now() + timeout; Date.now() < end; await page.waitForTimeout(50)) {
    const text = await statusOf(page, index).first().textContent({ timeout: 100 }).catch(() => null);
    if (text !== null && wanted(text)) {
      return text;
    }
  }
  throw new Error(`${what}: status "${await textOf(page, index)}" after ${timeout} ms`);
}

/** One more step is taken and its frame is drawn: the view is live. */
async function isLive(page, index, timeout = 15_000) {
  await shows(page, index);
  const viewer = viewerOf(page, index);
  await viewer.locator('[data-st="navigator-canvas"]').waitFor({ timeout });
  expect((await viewer.count()) === 1, `${await viewer.count()} viewers in cell ${index}`);
  await status(page, index, (text) => !/kernel|Connecting|waiting/i.test(text), "a live view", timeout);
  const canvas = viewer.locator(".st-panel-signal canvas.st-image");
  const drawn = () => canvas.evaluate((element) => element.toDataURL());
  const before = await drawn();
  await viewer.locator('[data-st="navigator-canvas"]').focus();
  await page.keyboard.press("ArrowRight");
  for (const end = Date.now() + timeout; Date.now() < end; await page.waitForTimeout(20)) {
    if ((await drawn()) !== before) {
      return;
    }
  }
  throw new Error(`the view of cell ${index} does not move: ${await textOf(page, index)}`);
}

async function noErrors(page) {
  for (const index of [SHOW_FLAT, SHOW_SCAN]) {
    await shows(page, index);
    const text = await textOf(page, index);
    expect(!/model not found|Error displaying/i.test(text), `cell ${index} shows "${text}"`);
  }
}

const save = (page) => page.evaluate(() => globalThis.jupyterapp.commands.execute("docmanager:save"));

async function restartKernel(page) {
  await page.evaluate(() => globalThis.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart());
  await kernelIdle(page);
}

/** The process id of the kernel of this notebook, from its journal. */
function kernelProcess() {
  const started = (name) => Number(name.split("-")[1]);
  const journals = readdirSync(JOURNALS).filter((name) => name.endsWith(".json"));
  const newest = journals.sort((one, other) => started(one) - started(other)).at(-1);
  return JSON.parse(readFileSync(join(JOURNALS, newest), "utf8")).pid;
}

async function liveKernel(page, server) {
  await check("two views are live", async () => {
    await openNotebook(page, server, NOTEBOOK);
    for (const index of [OPEN, FLAT, SHOW_FLAT, SHOW_SCAN]) {
      await run(page, index);
    }
    await isLive(page, SHOW_FLAT);
    await isLive(page, SHOW_SCAN);
    await page.waitForTimeout(600);
    await save(page);
  });
}

async function restarted(page) {
  await check("a restart is said at once, and the last picture stays", async () => {
    const start = Date.now();
    await restartKernel(page);
    await status(page, SHOW_FLAT, (text) => text.includes("restore()?"), "after a restart");
    await screenshot(page, "1_after_restart");
    await noErrors(page);
    return `${Date.now() - start} ms`;
  });
  await check("restore()? brings both views back where they are", async () => {
    const start = Date.now();
    const text = await run(page, RESTORE);
    const took = Date.now() - start;
    expect(/2 signals, 2 widgets/.test(text), text);
    await isLive(page, SHOW_FLAT);
    await isLive(page, SHOW_SCAN);
    await shows(page, SHOW_FLAT);
    await page.waitForTimeout(300);
    await screenshot(page, "2_restored");
    return `the cell took ${took} ms`;
  });
  await check("the cell of a view run again replaces it", async () => {
    await run(page, SHOW_FLAT);
    await isLive(page, SHOW_FLAT);
  });
}

async function killed(page) {
  await check("a killed kernel is noticed, and its tree comes back", async () => {
    await page.waitForTimeout(500);
    process.kill(kernelProcess(), "SIGKILL");
    // JupyterLab says so in a dialog.
    await page.locator(".jp-Dialog").waitFor({ timeout: 30_000 });
    await page.keyboard.press("Escape");
    await kernelIdle(page);
    await shows(page, SHOW_SCAN);
    await viewerOf(page, SHOW_SCAN).locator('[data-st="navigator-canvas"]').focus();
    await page.keyboard.press("ArrowRight");
    await status(page, SHOW_SCAN, (text) => text.includes("restore()?"), "after the kernel was killed");
    await screenshot(page, "3_after_kill");
    const text = await run(page, RESTORE);
    expect(/2 signals, 2 widgets/.test(text), text);
    await isLive(page, SHOW_FLAT);
    await isLive(page, SHOW_SCAN);
    await save(page);
  });
}

/** Ends the kernel and opens the notebook as it was saved. */
async function reopen(page, server, notebook = NOTEBOOK) {
  await page.evaluate(() => globalThis.jupyterapp.shell.currentWidget.context.sessionContext.shutdown());
  await page.waitForTimeout(500);
  await page.goto("about:blank");
  // Without the tabs that were open before.
  await openNotebook(page, server, `${notebook}?reset`);
}

async function reopened(page, server) {
  await check("a saved notebook with a new kernel shows its pictures, and restore()? makes them live", async () => {
    await page.waitForTimeout(500);
    await reopen(page, server);
    await status(page, SHOW_FLAT, (text) => text.includes("restore()?"), "after reopening");
    expect((await viewerOf(page, SHOW_FLAT).locator('[data-st="poster"]').count()) === 1, "no poster");
    await noErrors(page);
    await screenshot(page, "4_reopened");
    const text = await run(page, RESTORE);
    expect(/2 signals, 2 widgets/.test(text), text);
    await isLive(page, SHOW_FLAT);
    await isLive(page, SHOW_SCAN);
    await save(page);
  });
  await check("without any journal the pictures are there all the same", async () => {
    await page.evaluate(() => globalThis.jupyterapp.shell.currentWidget.context.sessionContext.shutdown());
    await page.waitForTimeout(500);
    rmSync(JOURNALS, { recursive: true, force: true });
    await page.goto("about:blank");
    await openNotebook(page, server, NOTEBOOK);
    const text = await status(page, SHOW_FLAT, (said) => said.includes("Run this cell"), "without a journal");
    expect(!text.includes("restore"), text);
    expect((await viewerOf(page, SHOW_FLAT).locator('[data-st="poster"]').count()) === 1, "no poster");
    await noErrors(page);
    await screenshot(page, "5_without_journal");
  });
  await check("a copy that another program wrote is untrusted and shows its pictures", async () => {
    const copy = JSON.parse(readFileSync(join(folder, NOTEBOOK), "utf8"));
    copy.cells[0].source = `${CELLS[OPEN]} // copied`;
    writeFileSync(join(folder, "copy.ipynb"), JSON.stringify(copy));
    await reopen(page, server, "copy.ipynb");
    await shows(page, SHOW_FLAT);
    await page.waitForTimeout(1500);
    const pictures = page.locator(`[data-windowed-list-index="${SHOW_FLAT}"] .jp-OutputArea img`);
    expect((await pictures.count()) >= 1, `no picture: "${await textOf(page, SHOW_FLAT)}"`);
    await noErrors(page);
    await screenshot(page, "6_untrusted");
  });
}

async function reloadedWhileBusy(page, server) {
  await check("a page that is reloaded while a cell runs has its views back at once", async () => {
    await reopen(page, server);
    for (const index of [OPEN, FLAT, SHOW_FLAT, SHOW_SCAN]) {
      await run(page, index);
    }
    await save(page);
    // Compiled before, so that the page is reloaded while the cell runs and not while it compiles.
    await page.evaluate((at) => {
      const notebook = globalThis.jupyterapp.shell.currentWidget.content;
      notebook.activeCellIndex = at;
      void globalThis.jupyterapp.commands.execute("notebook:run-cell");
    }, SLEEP);
    await page.waitForTimeout(3000);
    await page.goto(`${server.url}/lab/tree/${NOTEBOOK}`);
    await page.waitForFunction(
      () => (globalThis.jupyterapp?.shell.currentWidget?.content?.model?.cells?.length ?? 0) > 1,
      undefined,
      { timeout: 60_000 },
    );
    const start = Date.now();
    await shows(page, SHOW_FLAT);
    await viewerOf(page, SHOW_FLAT).waitFor({ timeout: 10_000 });
    await isLive(page, SHOW_FLAT, 5_000);
    const took = Date.now() - start;
    expect(!existsSync(join(folder, "ended")), "the cell had ended before the page was there");
    return `live ${took} ms after the notebook was there`;
  });
}

const browser = await launch();
writeNotebook(NOTEBOOK);
const server = await startServer(jupyter, folder);
try {
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  const said = [];
  page.on("console", (message) => message.type() === "error" && said.push(message.text()));
  await liveKernel(page, server);
  await restarted(page);
  await killed(page);
  await reopened(page, server);
  await reloadedWhileBusy(page, server);
  if (verdict() !== 0) {
    await screenshot(page, "failed").catch(() => {});
    console.log(said.slice(-20).join("\n"));
  }
} finally {
  await browser.close();
  await server.stop();
}
process.exit(verdict());
