// A person's way through the second notebook, in real JupyterLab in headless Chromium.
// Usage: CHROMIUM=… node journey.mjs JUPYTER FOLDER NOTEBOOK (FOLDER holds the notebook and the sample).

import { check, expect, launch, verdict } from "./chromium.mjs";
import { cells, kernelIdle, menu, openNotebook, selectCell, startServer } from "./jupyterlab.mjs";
import { live } from "./live.mjs";
import { panes, paneTitles, showBeside } from "./panes.mjs";
import { at, drawn, hook, navigatorBox, screenshot, selectNode, st } from "./viewer.mjs";

const [jupyter, folder, notebook] = process.argv.slice(2);
/** The four cells of the first page, each after a text. */
const FOUR_CELLS = 8;
const NODES = ["scan", "flat", "peaks", "strain"];
const COMPILE_MS = 120_000;

async function runFourCells(page) {
  await selectCell(page, 0);
  for (let pressed = 0; pressed < FOUR_CELLS; pressed += 1) {
    await page.keyboard.press("Shift+Enter");
    await page.waitForTimeout(100);
  }
  await page.waitForFunction(
    () => {
      const { model } = globalThis.jupyterapp.shell.currentWidget.content;
      const outputs = [...model.cells].flatMap((cell) => cell.toJSON().outputs ?? []);
      return globalThis.__signaltree_test?.frame || outputs.some((output) => output.output_type === "error");
    },
    undefined,
    { timeout: COMPILE_MS },
  );
  const { errors } = await cells(page);
  expect(errors.length === 0, `a cell failed: ${errors.join(" | ")}`);
}

/** Notes when the pointer moved and when a frame of another scan position was drawn. */
const measureLatency = (page) =>
  page.evaluate(() => {
    const test = globalThis.__signaltree_test;
    let { frame } = test;
    let moved = 0;
    globalThis.__latencies = [];
    document.addEventListener("pointermove", () => (moved = performance.now()), { capture: true });
    Object.defineProperty(test, "frame", {
      configurable: true,
      get: () => frame,
      set: (next) => {
        if (moved > 0 && String(frame?.index) !== String(next?.index)) {
          globalThis.__latencies.push(performance.now() - moved);
          moved = 0;
        }
        frame = next;
      },
    });
  });

/** How many entries of a menu are to be seen without scrolling. */
const entriesSeen = (menu) => {
  const list = menu.querySelector(".st-menu-list").getBoundingClientRect();
  const bottom = Math.min(list.bottom, innerHeight);
  const isSeen = (entry) => {
    const box = entry.getBoundingClientRect();
    return box.height > 0 && box.top >= list.top && box.bottom <= bottom;
  };
  return [...menu.querySelectorAll("[role=menuitem]")].filter(isSeen).length;
};

async function dragNavigator(page) {
  const box = await navigatorBox(page);
  await page.mouse.move(...at(box, 0.2, 0.25));
  await page.mouse.down();
  const checksums = new Set();
  for (let step = 0; step <= 60; step += 1) {
    await page.mouse.move(...at(box, 0.2 + 0.01 * step, 0.25 + 0.008 * step));
    await page.waitForTimeout(25);
    checksums.add((await hook(page)).frame.checksum);
  }
  await page.mouse.up();
  // The scan is 40 x 56: the last move was at 80 % of its width and 73 % of its height.
  await drawn(page, (frame) => frame.index[0] === 29 && frame.index[1] === 44, null, "the position the drag ended at");
  expect(checksums.size >= 20, `only ${checksums.size} different frames in 61 moves`);
  return { different: checksums.size };
}

function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

async function journey(page, server) {
  // With the layout of a new page, whatever the last one left behind.
  await check("the notebook opens with its kernel", () => openNotebook(page, server, `${notebook}?reset`));
  const started = Date.now();
  const shown = await check("four cells run and the viewer appears", async () => {
    await runFourCells(page);
    return `${((Date.now() - started) / 1000).toFixed(1)} s from the first Shift+Enter to the first frame`;
  });
  if (!shown) {
    await screenshot(page, "failed_four_cells");
    return;
  }
  await page.locator(st("signal-canvas")).last().scrollIntoViewIfNeeded();
  await screenshot(page, "1_four_cells");

  await check("the tree lists the four nodes", async () => {
    for (const name of NODES) {
      expect((await page.locator(st(`tree-node-${name}`)).count()) === 1, `no node ${name} in the tree`);
    }
  });
  await check("the strain map fills in", async () => {
    await selectNode(page, "strain");
    const first = (await hook(page)).frame;
    const start = Date.now();
    await drawn(page, (frame) => frame.complete >= 1, null, "whole strain map", 300_000);
    return `${Math.round(100 * first.complete)} % at first, 100 % after ${((Date.now() - start) / 1000).toFixed(1)} s`;
  });
  await screenshot(page, "2_strain_map");

  await check("toggling the four nodes changes the picture and nothing else", async () => {
    const seen = new Map();
    const position = JSON.stringify((await hook(page)).state?.position);
    for (const name of [...NODES, ...NODES]) {
      const old = (await hook(page)).frame;
      await selectNode(page, name);
      const frame = await drawn(page, (next, last) => next.node !== last, old.node, `node ${name}`);
      const known = seen.get(name);
      expect(known === undefined || known === `${frame.node}:${frame.checksum}`, `${name} looks different the second time`);
      seen.set(name, `${frame.node}:${frame.checksum}`);
      await page.waitForTimeout(150);
      await screenshot(page, `3_node_${name}`);
    }
    expect(new Set([...seen.values()].map((text) => text.split(":")[0])).size === 4, "not four different nodes");
    const now = JSON.stringify((await hook(page)).state?.position);
    expect(now === position, `the position went from ${position} to ${now}`);
  });

  for (const name of ["scan", "flat", "peaks"]) {
    await check(`dragging the navigator moves ${name} through the scan`, async () => {
      await selectNode(page, name);
      await page.waitForTimeout(500);
      await measureLatency(page);
      const { different } = await dragNavigator(page);
      const latencies = await page.evaluate(() => globalThis.__latencies);
      expect(latencies.length > 0, "no frame followed the pointer");
      return `${different} frames in 61 moves; pointer to drawn p50 ${percentile(latencies, 0.5).toFixed(1)} ms, p95 ${percentile(latencies, 0.95).toFixed(1)} ms`;
    });
    await screenshot(page, `4_dragged_${name}`);
  }
  await check("arrow keys move the crosshair by one position", async () => {
    await page.locator(st("navigator-canvas")).last().focus();
    const before = (await hook(page)).frame;
    await page.keyboard.press("ArrowRight");
    const after = await drawn(page, (frame, old) => String(frame.index) !== old, String(before.index), "next position");
    expect(after.index[1] === before.index[1] + 1 && after.index[0] === before.index[0], `${before.index} to ${after.index}`);
  });

  await check("a slider of peaks changes the peaks under the crosshair", async () => {
    await selectNode(page, "peaks");
    const before = await drawn(page, (frame) => frame.peaks !== null, null, "peaks");
    const slider = page.locator(st("parameter-threshold-slider")).last();
    await slider.scrollIntoViewIfNeeded();
    const box = await slider.boundingBox();
    // It is left out: the slider begins at what was measured.
    const start = await slider.evaluate((input) => input.valueAsNumber / input.max);
    expect(start > 0.05 && start < 0.5, `the slider begins at ${start}`);
    await page.mouse.move(...at(box, start, 0.5));
    await page.mouse.down();
    for (let step = 0; step <= 10; step += 1) {
      await page.mouse.move(...at(box, start + 0.02 * step, 0.5));
      await page.waitForTimeout(60);
    }
    await page.mouse.up();
    const after = await drawn(
      page,
      (frame, old) => frame.revision !== old.revision && frame.peaks !== old.peaks,
      { revision: before.revision, peaks: before.peaks },
      "peaks with another threshold",
    );
    expect(after.peaks > 0 && after.peaks < before.peaks, `${before.peaks} peaks, then ${after.peaks}`);
    await page.locator(st("parameter-threshold-auto")).last().click();
    const again = await drawn(
      page,
      (frame, old) => frame.revision > old.revision && frame.peaks === old.peaks && !frame.draft,
      { revision: after.revision, peaks: before.peaks },
      "the peaks of the measured threshold",
    );
    return `${before.peaks} peaks, then ${after.peaks}, measured again ${again.peaks}`;
  });
  await screenshot(page, "5_slider");
  await check("the strain map follows the slider", async () => {
    await selectNode(page, "strain");
    await drawn(page, (frame) => frame.complete >= 1, null, "whole strain map again", 300_000);
  });

  await panes(page);
  await live(page, folder);

  await check("an operation is added from the menu and removed again", async () => {
    const nodes = () => page.locator('[data-st^="tree-node-"]').count();
    const before = await nodes();
    await selectNode(page, "scan");
    const scan = await page.evaluate(() => globalThis.__signaltree_test.state().nodes.find((node) => node.name === "scan").id);
    const old = await drawn(page, (frame, wanted) => frame.node === wanted, scan, "scan");
    await page.locator(st("add-operation")).last().click();
    await screenshot(page, "6_menu");
    const seen = await page.locator(st("operations")).last().evaluate(entriesSeen);
    expect(seen >= 12, `the menu shows ${seen} entries at a time`);
    await page.locator(st("operation-virtual_disk")).last().click();
    const added = await drawn(page, (frame, last) => frame.node !== last && frame.complete > 0, old.node, "virtual image", 60_000);
    expect((await nodes()) === before + 1, "no new node in the tree");
    await screenshot(page, "6_virtual_image");
    const name = await page.evaluate(
      (id) => globalThis.__signaltree_test.state().nodes.find((node) => node.id === id).name,
      added.node,
    );
    await page.locator(st(`tree-node-${name}`)).last().hover();
    await page.locator(st(`remove-node-${name}`)).last().click();
    await page.waitForFunction((count) => document.querySelectorAll('[data-st^="tree-node-"]').length === count, before, {
      timeout: 5_000,
    });
    return name;
  });

  await check("an operation takes another signal from the menu, and another one or none afterwards", async () => {
    const row = (name) => page.locator(st(`tree-node-${name}`)).last();
    const said = async (words) =>
      page.waitForFunction(
        ([selector, text]) => [...document.querySelectorAll(selector)].at(-1)?.textContent.includes(text),
        [st("code"), words],
        { timeout: 10_000 },
      );
    await selectNode(page, "scan");
    await page.locator(st("add-operation")).last().click();
    await page.locator(st("operation-subtract")).last().click();
    await page.locator(st("input-flat")).last().click();
    await row("subtract").waitFor();
    expect((await row("subtract").textContent()).includes("flat"), "the tree does not say what is subtracted");
    await said("scan.subtract(&flat)?");
    await selectNode(page, "peaks");
    const input = page.locator(st("further-input")).last();
    // Younger than the peaks: it was added just now.
    await input.locator("option", { hasText: "subtract" }).waitFor({ state: "attached" });
    const younger = await input.locator("option", { hasText: "subtract" }).getAttribute("value");
    await input.selectOption(younger);
    await said("find_peaks_with(&subtract,");
    expect((await row("peaks").textContent()).includes("with subtract"), "the tree does not say with what");
    await screenshot(page, "further_input");
    await input.selectOption("");
    await said("find_peaks(");
    await page.locator(st("remove-node-subtract")).last().click({ force: true });
    await row("subtract").waitFor({ state: "detached" });
  });

  await check("keys pressed over the viewer never reach JupyterLab", async () => {
    const before = (await cells(page)).count;
    for (const canvas of ["navigator-canvas", "signal-canvas"]) {
      await page.locator(st(canvas)).last().click();
      for (const key of ["a", "b", "d", "d", "x", "Shift+Enter", "Escape"]) {
        await page.keyboard.press(key);
        await page.waitForTimeout(60);
      }
    }
    await page.waitForTimeout(300);
    const after = (await cells(page)).count;
    expect(after === before, `${before} cells before, ${after} after`);
    return `${after} cells`;
  });

  await check("after saving and reloading the page the viewer is live, with both its pictures", async () => {
    await selectNode(page, "peaks");
    await showBeside(page, "flat");
    await page.waitForTimeout(500);
    await page.locator(".jp-Notebook").click({ position: { x: 5, y: 5 } });
    await page.keyboard.press("Control+s");
    await page.waitForTimeout(1500);
    await page.reload();
    await page.waitForSelector(st("signal-canvas"), { timeout: 60_000 });
    await page.locator(st("signal-canvas")).last().scrollIntoViewIfNeeded();
    await drawn(page, () => true, null, "frame after the reload", 30_000);
    const shown = await paneTitles(page);
    expect(shown.length === 2 && /^peaks/.test(shown[0]) && /^flat/.test(shown[1]), `pictures after the reload: ${shown}`);
    await screenshot(page, "7_reloaded");
    await page.locator(st("pane-close")).last().click();
    await selectNode(page, "scan");
    const { different } = await dragNavigator(page);
    return `${different} frames in 61 moves`;
  });

  await check("running the cell again leaves one live viewer", async () => {
    await kernelIdle(page);
    await selectCell(page, FOUR_CELLS - 1);
    await page.evaluate(() => (globalThis.__signaltree_test.frame = null));
    await page.keyboard.press("Shift+Enter");
    await drawn(page, () => true, null, "frame of the new viewer", COMPILE_MS);
    await kernelIdle(page);
    const views = await page.locator(st("signal-canvas")).count();
    expect(views === 1, `${views} viewers`);
    await selectNode(page, "flat");
    const { different } = await dragNavigator(page);
    return `${different} frames in 61 moves`;
  });

  await check("the dark theme is followed", async () => {
    await menu(page, "Settings", "Theme", "JupyterLab Dark");
    await page.waitForFunction(() => document.body.dataset.jpThemeLight === "false");
    await selectNode(page, "strain");
    await page.locator(st("signal-canvas")).last().scrollIntoViewIfNeeded();
    await page.waitForTimeout(800);
  });
  await screenshot(page, "8_dark");
}

const server = await startServer(jupyter, folder);
const browser = await launch();
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error.message)));
  await journey(page, server);
  await check("no uncaught error in the page", () => {
    const ours = complaints.filter((text) => !/ResizeObserver loop/.test(text));
    expect(ours.length === 0, ours.join(" | "));
  });
} finally {
  await browser.close();
  await server.stop();
}
if (verdict() !== 0) {
  console.log(`--- the last lines of JupyterLab ---\n${server.log.join("").split("\n").slice(-25).join("\n")}`);
}
process.exit(verdict());
