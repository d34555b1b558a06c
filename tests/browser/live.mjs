// What follows the hand: a detector that is dragged, a region of the scan, the memory limit, a saved file.

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { check, expect } from "./chromium.mjs";
import { at, drawn, hook, navigatorBox, screenshot, selectNode, st } from "./viewer.mjs";

const STEPS = 40;

const shownNode = (page) =>
  page.evaluate(() => {
    const { nodes, node } = globalThis.__signaltree_test.state();
    return nodes.find(({ id }) => id === node);
  });

/** Notes how long after a move of the pointer a picture of tried parameters was drawn. */
const measureDrafts = (page) =>
  page.evaluate(() => {
    const test = globalThis.__signaltree_test;
    let { frame } = test;
    let moved = 0;
    globalThis.__drafts = [];
    document.addEventListener("pointermove", () => (moved = performance.now()), { capture: true });
    Object.defineProperty(test, "frame", {
      configurable: true,
      get: () => frame,
      set: (next) => {
        if (next?.draft) {
          globalThis.__drafts.push({ ms: moved > 0 ? performance.now() - moved : null, exact: next.exact, checksum: next.checksum });
          moved = 0;
        }
        frame = next;
      },
    });
  });

const share = (values, part) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(part * values.length))];

async function dragDetector(page) {
  const canvas = page.locator(`.st-companion ${st("signal-canvas")}`).last();
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  await measureDrafts(page);
  await page.mouse.move(...at(box, 0.5, 0.5));
  await page.mouse.down();
  for (let step = 1; step <= STEPS; step += 1) {
    await page.mouse.move(...at(box, 0.5 + 0.004 * step, 0.5 + 0.002 * step));
    await page.waitForTimeout(25);
  }
}

const shownParams = async (page) => JSON.stringify((await shownNode(page)).params);

/** Where the circle of the disks lies on the page: its middle, and CSS pixels per pixel of the pattern. */
async function circlePlace(page) {
  const { signal_axes, measured_parameters } = await shownNode(page);
  const canvas = page.locator(st("signal-canvas")).last();
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  const [rows, columns] = signal_axes.map(({ size }) => size);
  const scale = Math.min(box.width / columns, box.height / rows);
  const place = ([row, column]) => [
    box.x + box.width / 2 + (column + 0.5 - columns / 2) * scale,
    box.y + box.height / 2 + (row + 0.5 - rows / 2) * scale,
  ];
  // Near its mean over the scan it shows, and says where it is in this pattern.
  await page.mouse.move(...place(measured_parameters.direct_beam));
  const text = await page.locator(st("detector-readout")).last().textContent();
  const [row, column] = text.match(/· ([\d.]+), ([\d.]+) px/).slice(1).map(Number);
  return { middle: place([row, column]), scale, radius: measured_parameters.radius };
}

/** Notes the longest time between two frames of the browser. */
const watchFrames = (page) =>
  page.evaluate(() => {
    let last = performance.now();
    globalThis.__longest = 0;
    const tick = (now) => {
      globalThis.__longest = Math.max(globalThis.__longest, now - last);
      last = now;
      globalThis.__watch = requestAnimationFrame(tick);
    };
    globalThis.__watch = requestAnimationFrame((now) => {
      last = now;
      tick(now);
    });
  });

async function circle(page) {
  await check("the circle of the disks is dragged: their radius changes once, and the page stays awake", async () => {
    await selectNode(page, "flat");
    await drawn(page, (frame) => frame.peaks === null, null, "flat");
    await selectNode(page, "peaks");
    await drawn(page, (frame) => frame.peaks > 0 && !frame.draft, null, "peaks");
    await page.waitForFunction(
      () => {
        const { nodes, node } = globalThis.__signaltree_test.state();
        return nodes.find(({ id }) => id === node).measured_parameters?.direct_beam;
      },
      undefined,
      { timeout: 10_000 },
    );
    const before = (await hook(page)).frame;
    const params = await shownParams(page);
    expect(JSON.parse(params).radius === null, `the radius is no longer measured: ${params}`);
    const { middle, scale, radius } = await circlePlace(page);
    const [x, y] = middle;
    await page.mouse.move(x + (radius + 14 / scale) * scale, y);
    await screenshot(page, "9_circle_near");
    await measureDrafts(page);
    await watchFrames(page);
    await page.mouse.move(x + radius * scale, y);
    await page.mouse.down();
    for (let step = 1; step <= STEPS; step += 1) {
      await page.mouse.move(x + (radius + 0.05 * step) * scale, y);
      await page.waitForTimeout(25);
    }
    const tried = await drawn(page, (frame) => frame.draft && frame.peaks > 0, null, "peaks while it is dragged", 30_000);
    await screenshot(page, "9_circle_dragged");
    expect((await shownParams(page)) === params, "the tree changed during the drag");
    await page.mouse.up();
    const after = await drawn(page, (frame, revision) => !frame.draft && frame.revision > revision && frame.peaks > 0, before.revision, "peaks with the kept radius", 30_000);
    const kept = await shownNode(page);
    expect(Math.abs(kept.params.radius - radius - 2) < 0.2, `a radius of ${radius} px became ${kept.params.radius} px`);
    expect(JSON.stringify({ ...kept.params, radius: null }) === params, `other parameters changed too: ${JSON.stringify(kept.params)}`);
    const [drafts, longest] = await page.evaluate(() => {
      cancelAnimationFrame(globalThis.__watch);
      return [globalThis.__drafts, globalThis.__longest];
    });
    expect(longest < 200, `the page stood still for ${longest.toFixed(0)} ms`);
    await page.mouse.move(x + 200, y);
    await undone(page, params);
    return `${before.peaks} peaks, ${tried.peaks} while tried, ${after.peaks} kept; ${drafts.length} tries, longest frame ${longest.toFixed(0)} ms`;
  });
}

/** Takes the last change back, and waits until the parameters are these. */
async function undone(page, params) {
  await page.locator(st("parameters-undo")).last().click();
  await page.waitForFunction(
    (wanted) => {
      const { nodes, node } = globalThis.__signaltree_test.state();
      return JSON.stringify(nodes.find(({ id }) => id === node).params) === wanted;
    },
    params,
    { timeout: 5_000 },
  );
}

async function comesBack(page) {
  await check("a circle that is dragged off the direct beam stands where the beam is found", async () => {
    await drawn(page, (frame) => frame.peaks > 0 && !frame.draft, null, "peaks");
    await screenshot(page, "9_circle_faint");
    const params = await shownParams(page);
    const { middle, scale, radius } = await circlePlace(page);
    const [x, y] = middle;
    const away = (radius + 2) * scale;
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + away / 2, y);
    await page.mouse.move(x + away, y);
    await page.mouse.up();
    const readout = page.locator(st("detector-readout")).last();
    await readout.getByText("px from where it was said").waitFor({ timeout: 10_000 });
    await screenshot(page, "9_circle_back");
    const told = (await shownNode(page)).params.direct_beam;
    const found = (await circlePlace(page)).middle;
    const off = Math.hypot(found[0] - x, found[1] - y) / scale;
    // Until the peaks of this pattern are there it stands at its mean over the scan.
    expect(off < 1, `it is ${off.toFixed(2)} px from where it was`);
    await page.mouse.move(x + 200, y);
    await undone(page, params);
    return `said to be at ${told}`;
  });
}

export async function live(page, folder) {
  await circle(page);
  await comesBack(page);
  let detector = null;
  await check("a detector lies over the pattern beside its image", async () => {
    await selectNode(page, "scan");
    const old = (await hook(page)).state.node;
    await page.locator(st("add-operation")).last().click();
    await page.locator(st("operation-virtual_disk")).last().click();
    await drawn(page, (frame, last) => frame.node !== last && frame.complete > 0, old, "virtual image", 60_000);
    await page.waitForFunction(() => document.querySelectorAll(".st-pane").length === 2, undefined, { timeout: 5_000 });
    await drawn(page, (frame) => frame.exact, null, "exact virtual image", 60_000);
    detector = await shownNode(page);
    return detector.name;
  });
  if (!detector) {
    return;
  }

  await check("its image follows while it is dragged, and the tree changes once", async () => {
    const before = (await hook(page)).frame;
    await dragDetector(page);
    await screenshot(page, "9_detector_dragged");
    const during = await shownNode(page);
    expect(JSON.stringify(during.params) === JSON.stringify(detector.params), "the tree changed during the drag");
    await page.mouse.up();
    const drafts = await page.evaluate(() => globalThis.__drafts);
    const after = await drawn(page, (frame, revision) => frame.revision > revision && frame.exact && !frame.draft, before.revision, "exact image", 60_000);
    const kept = await shownNode(page);
    const different = new Set(drafts.map(({ checksum }) => checksum)).size;
    expect(different >= 8, `only ${different} different images in ${STEPS} moves`);
    expect(after.checksum !== before.checksum, "the image is the one before the drag");
    const [rows, columns] = await page.evaluate(
      (id) => globalThis.__signaltree_test.state().nodes.find((node) => node.id === id).signal_axes.map(({ size }) => size),
      kept.parents[0],
    );
    const [row, column] = kept.params.centre;
    const moved = [(row - Math.floor(rows / 2)) / rows, (column - Math.floor(columns / 2)) / columns];
    // To the right by 0.16 and down by 0.08 of the canvas, of which the pattern fills most.
    expect(moved[0] > 0.06 && moved[0] < 0.12 && moved[1] > 0.13 && moved[1] < 0.2, `the centre is ${row}, ${column}`);
    expect(kept.can_undo, "the drag is no step of the history");
    const times = drafts.map(({ ms }) => ms).filter((ms) => ms !== null);
    const estimates = drafts.filter(({ exact }) => !exact).length;
    return `${different} images, ${estimates} of ${drafts.length} estimates; pointer to drawn p50 ${share(times, 0.5).toFixed(1)} ms, p95 ${share(times, 0.95).toFixed(1)} ms`;
  });
  await screenshot(page, "9_detector_let_go");

  await check("undo brings the detector back", async () => {
    await page.locator(st("parameters-undo")).last().click();
    await page.waitForFunction(
      (wanted) => {
        const { nodes, node } = globalThis.__signaltree_test.state();
        return JSON.stringify(nodes.find(({ id }) => id === node).params) === wanted;
      },
      JSON.stringify(detector.params),
      { timeout: 5_000 },
    );
    await page.locator(st(`tree-node-${detector.name}`)).last().hover();
    await page.locator(st(`remove-node-${detector.name}`)).last().click();
    await page.waitForFunction((name) => !document.querySelector(`[data-st="tree-node-${name}"]`), detector.name, { timeout: 5_000 });
  });

  await check("a region of the scan shows its mean pattern, live while it is drawn", async () => {
    await selectNode(page, "scan");
    const single = await drawn(page, (frame) => !frame.draft && frame.exact, null, "scan");
    await page.locator(st("region-toggle")).last().click();
    await drawn(page, (frame, old) => frame.checksum !== old, single.checksum, "mean of the first region");
    const box = await navigatorBox(page);
    await page.mouse.move(...at(box, 0.2, 0.2));
    await page.mouse.down();
    const seen = new Set();
    for (let step = 1; step <= 30; step += 1) {
      await page.mouse.move(...at(box, 0.2 + 0.018 * step, 0.2 + 0.018 * step));
      await page.waitForTimeout(25);
      seen.add((await hook(page)).frame.checksum);
    }
    await page.mouse.up();
    await drawn(page, (frame) => frame.exact, null, "exact mean of the region", 30_000);
    await page.waitForTimeout(200);
    await screenshot(page, "9_region");
    expect(seen.size >= 10, `only ${seen.size} different patterns in 30 moves`);
    const readout = await page.locator(st("navigator-readout")).last().textContent();
    await page.locator(st("navigator-canvas")).last().press("Escape");
    await drawn(page, (frame, old) => frame.checksum === old, single.checksum, "the pattern of one position again");
    return `${seen.size} patterns; ${readout}`;
  });

  await check("the memory limit is changed in the page", async () => {
    const text = page.locator(st("memory-text")).last();
    await page.waitForFunction(() => /of \d/.test(document.querySelector('[data-st="memory-text"]')?.textContent ?? ""), undefined, { timeout: 5_000 });
    const before = await text.textContent();
    const set = async (amount) => {
      await page.locator(st("memory")).last().click();
      await page.locator(st("memory-budget")).last().fill(amount);
      await page.keyboard.press("Enter");
      await page.waitForFunction(
        (wanted) => document.querySelector('[data-st="memory-text"]')?.textContent?.endsWith(`of ${wanted}`),
        amount,
        { timeout: 5_000 },
      );
    };
    await set("300 MiB");
    const during = await text.textContent();
    await set(before.split(" of ")[1]);
    return `${before}, then ${during}`;
  });

  await check("a result is saved from the page", async () => {
    const path = join(folder, "flat_from_page.npy");
    await selectNode(page, "flat");
    await page.locator(st("save")).last().click();
    await page.locator(st("save-path")).last().fill("flat_from_page.npy");
    await screenshot(page, "9_save");
    await page.locator(st("save-start")).last().click();
    for (let waited = 0; !existsSync(path); waited += 100) {
      expect(waited < 60_000, `no file; status "${await page.locator(st("status")).last().textContent()}"`);
      await page.waitForTimeout(100);
    }
    await rm(path);
  });
}
