// Nodes side by side: the same position and zoom, drafts, undo, a branch and what it differs in.

import { check, expect } from "./chromium.mjs";
import { at, drawn, hook, navigatorBox, screenshot, selectNode, st } from "./viewer.mjs";

export const paneTitles = (page) => page.locator(`.st-pane ${st("signal-title")}`).allTextContents();
const state = async (page) => (await hook(page)).state;

/** Waits until as many pictures are side by side. */
const paneCount = (page, count) =>
  page.waitForFunction((wanted) => document.querySelectorAll(".st-pane").length === wanted, count, { timeout: 5_000 });

/** Shows a node beside the selected one by the button in its row of the tree. */
export async function showBeside(page, name) {
  await page.locator(st(`tree-node-${name}`)).last().hover();
  await page.locator(st(`compare-node-${name}`)).last().click();
  await paneCount(page, 2);
}

/** A number for the pixels of each image canvas, to see which of them changed. */
const fingerprints = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll(".st-pane .st-image")].map((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let hash = 0;
      for (let i = 0; i < data.length; i += 4) {
        hash = (Math.imul(hash, 31) + data[i] + 256 * data[i + 1]) | 0;
      }
      return hash;
    }),
  );

export async function panes(page) {
  await check("a node is shown beside another and both follow the position", async () => {
    await selectNode(page, "flat");
    await showBeside(page, "scan");
    await page.waitForTimeout(500);
    const before = await fingerprints(page);
    expect(before[0] !== before[1], "both panes show the same picture");
    const box = await navigatorBox(page);
    const begun = await page.evaluate(() => performance.now());
    await page.mouse.move(...at(box, 0.3, 0.3));
    await page.mouse.down();
    for (let step = 1; step <= 20; step += 1) {
      await page.mouse.move(...at(box, 0.3 + 0.02 * step, 0.3 + 0.01 * step));
      await page.waitForTimeout(16);
    }
    await page.mouse.up();
    const node = (await state(page)).node;
    await drawn(page, (frame, id) => frame.node === id && frame.index[1] === 39, node, "the position the drag ended at");
    await page.waitForTimeout(500);
    const after = await fingerprints(page);
    expect(after.every((hash, i) => hash !== before[i]), "a pane did not follow the position");
    const times = await page.evaluate(
      (from) => globalThis.__signaltree_test.timings.filter(({ request }) => request > from).map(({ request, drawn }) => drawn - request),
      begun,
    );
    times.sort((a, b) => a - b);
    const at95 = times[Math.floor(0.95 * (times.length - 1))];
    return `${(await paneTitles(page)).join(" | ")}; request to drawn p50 ${times[times.length >> 1]?.toFixed(1)} ms, p95 ${at95?.toFixed(1)} ms`;
  });
  await screenshot(page, "6_side_by_side");

  await check("the wheel zooms both about the pointer, and a double click shows all again", async () => {
    const canvas = page.locator(st("signal-canvas")).first();
    const box = await canvas.boundingBox();
    await page.mouse.click(...at(box, 0.4, 0.4));
    const frame = (await hook(page)).frame;
    const read = async () => (await page.locator(st("signal-readout")).first().textContent()) ?? "";
    await page.mouse.move(...at(box, 0.35, 0.45));
    const before = await read();
    for (let step = 0; step < 4; step += 1) {
      await page.mouse.wheel(0, -120);
      await page.waitForTimeout(60);
    }
    await page.mouse.move(...at(box, 0.3505, 0.45));
    const after = await read();
    expect(before.split("·")[0] === after.split("·")[0], `under the pointer: ${before}, then ${after}`);
    const badges = await page.locator(`${st("zoom-reset")}:visible`).allTextContents();
    expect(badges.length === 2 && badges[0] === "4.0×" && badges[1] === "4.0×", `zoom: ${badges}`);
    await screenshot(page, "6_zoomed");
    expect((await hook(page)).frame.checksum === frame.checksum, "the picture was lost while zooming");
    await page.mouse.dblclick(...at(box, 0.4, 0.4));
    await page.waitForTimeout(100);
    expect((await page.locator(`${st("zoom-reset")}:visible`).count()) === 0, "still zoomed");
  });

  await check("closing the other pane leaves one", async () => {
    await page.locator(st("pane-close")).last().click();
    await paneCount(page, 1);
    return (await paneTitles(page)).join(" | ");
  });

  await check("a held slider is tried on the frame, let go it is one step of the history", async () => {
    await selectNode(page, "peaks");
    const before = await drawn(page, (frame) => frame.peaks !== null && !frame.draft, null, "peaks");
    const params = async () => {
      const { nodes, node } = await state(page);
      return JSON.stringify(nodes.find(({ id }) => id === node).params);
    };
    const kept = await params();
    const slider = page.locator(st("parameter-radius-slider")).last();
    await slider.scrollIntoViewIfNeeded();
    const box = await slider.boundingBox();
    await page.mouse.move(...at(box, 0.4, 0.5));
    await page.mouse.down();
    for (let step = 0; step <= 8; step += 1) {
      await page.mouse.move(...at(box, 0.4 + 0.02 * step, 0.5));
      await page.waitForTimeout(50);
    }
    const tried = await drawn(page, (frame) => frame.draft, null, "a draft");
    expect((await params()) === kept, "the tree changed while the slider was held");
    await page.mouse.up();
    await drawn(page, (frame, revision) => !frame.draft && frame.revision !== revision, before.revision, "the kept parameters");
    expect((await params()) !== kept, "the parameters were not kept");
    await page.locator(st("parameters-undo")).last().click();
    await page.waitForFunction(
      (wanted) => {
        const { nodes, node } = globalThis.__signaltree_test.state();
        return JSON.stringify(nodes.find(({ id }) => id === node).params) === wanted;
      },
      kept,
      { timeout: 5_000 },
    );
    return `${before.peaks} peaks, ${tried.peaks} while tried`;
  });

  await check("a branch stands beside what it comes from, and the differences are listed", async () => {
    await page.locator(st("parameters-branch")).last().click();
    await paneCount(page, 2);
    const field = page.locator(st("parameter-min_distance-value")).last();
    await field.fill("11");
    await field.press("Enter");
    await page.waitForFunction(() => /min distance/.test(document.querySelector('[data-st="differences"]')?.textContent ?? ""), undefined, {
      timeout: 5_000,
    });
    await page.waitForTimeout(400);
    await screenshot(page, "6_branch");
    const text = await page.locator(st("differences")).last().innerText();
    const { nodes, node } = await state(page);
    const branch = nodes.find(({ id }) => id === node).name;
    await page.locator(st("pane-close")).last().click();
    await paneCount(page, 1);
    await page.locator(st(`tree-node-${branch}`)).last().hover();
    await page.locator(st(`remove-node-${branch}`)).last().click();
    await page.waitForFunction((name) => !document.querySelector(`[data-st="tree-node-${name}"]`), branch, { timeout: 5_000 });
    return text.replaceAll(/\s+/g, " ");
  });
}
