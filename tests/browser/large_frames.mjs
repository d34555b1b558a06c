// Frames larger than the screen, in real JupyterLab in headless Chromium: means are called means, and from 1:1 on
// the pixels are those of the file.
// Usage: CHROMIUM=… node large_frames.mjs JUPYTER FOLDER

import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { check, expect, launch, verdict } from "./chromium.mjs";
import { openNotebook, startServer } from "./jupyterlab.mjs";
import { at, drawn, hook, screenshot, st } from "./viewer.mjs";

const [jupyter, folder] = process.argv.slice(2);
const FRAMES = 8;
const SIZE = 2048;
/** Whole numbers whose neighbours differ, so that a mean is never taken for a pixel. */
const pixel = (frame, y, x) => (frame * 131 + y * 7 + x * 13) % 1009;

function writeFrames(path) {
  const text = `{'descr': '<u2', 'fortran_order': False, 'shape': (${FRAMES}, ${SIZE}, ${SIZE}), }`;
  const header = `${text.padEnd(117)}\n`;
  const file = openSync(path, "w");
  writeSync(file, Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length & 255, header.length >> 8]));
  writeSync(file, Buffer.from(header));
  const pixels = new Uint16Array(SIZE * SIZE);
  for (let frame = 0; frame < FRAMES; frame += 1) {
    for (let i = 0; i < pixels.length; i += 1) {
      pixels[i] = pixel(frame, Math.floor(i / SIZE), i % SIZE);
    }
    writeSync(file, new Uint8Array(pixels.buffer));
  }
  closeSync(file);
}

function writeNotebook(path) {
  const cell = { cell_type: "code", metadata: {}, execution_count: null, outputs: [] };
  const sources = ['let frames = open("frames.npy")?;\nframes', ""];
  const cells = sources.map((source, i) => ({ ...cell, id: `cell-${i}`, source }));
  const kernelspec = { name: "signaltree", display_name: "SignalTree (Rust)", language: "rust" };
  writeFileSync(path, JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }));
}

/** What the readout says at a share of the picture: row, column, and the rest. */
async function readAt(page, x, y) {
  const box = await page.locator(st("signal-canvas")).boundingBox();
  await page.mouse.move(...at(box, x, y));
  await page.waitForTimeout(120);
  const text = await page.locator(st("signal-readout")).textContent();
  const found = /^\S+ (\d+)(?: px)?, \S+ (\d+)(?: px)? · (.*)$/.exec(text ?? "");
  expect(found, `the readout says "${text}"`);
  return { row: Number(found[1]), column: Number(found[2]), value: found[3], text };
}

/** Several places of the picture show the pixels of the file. */
async function expectPixels(page, frame) {
  const texts = [];
  for (const [x, y] of [
    [0.31, 0.52],
    [0.5, 0.5],
    [0.83, 0.27],
  ]) {
    const { row, column, value, text } = await readAt(page, x, y);
    expect(value.split(" ")[0] === String(pixel(frame, row, column)), `"${text}", the file has ${pixel(frame, row, column)}`);
    expect(!value.includes("mean of"), `"${text}" is no mean`);
    texts.push(text);
  }
  return texts[1];
}

async function zoomIn(page, steps) {
  for (let step = 0; step < steps; step += 1) {
    await page.keyboard.press("+");
  }
  await page.waitForTimeout(500);
}

async function look(page) {
  await page.evaluate(() => globalThis.jupyterapp.commands.execute("notebook:run-cell"));
  const first = await drawn(page, (frame) => frame.complete >= 1, null, "the first frame", 60_000);
  await page.locator(st("signal-canvas")).scrollIntoViewIfNeeded();
  const frame = (await hook(page)).frame.index[0];
  await check("a reduced picture says that it shows means", async () => {
    expect(first.size[0] < SIZE && first.size[0] >= 256, `${first.size} samples came`);
    const { value, text } = await readAt(page, 0.5, 0.5);
    // The last block of a row may be cut.
    const block = Math.ceil(SIZE / first.size[0]);
    expect(value.endsWith(`mean of ${block} × ${block}`), `"${text}"`);
    return text;
  });
  await screenshot(page, "large_1_means");
  await page.locator(st("signal-canvas")).focus();
  await check("zoomed to 64 times it shows the pixels of the file", async () => {
    await zoomIn(page, 12);
    const badge = await page.locator(`${st("zoom-reset")}:visible`).first().textContent();
    expect(badge === "64×", badge);
    const text = await expectPixels(page, frame);
    const { size } = (await hook(page)).frame;
    // A part fetched on the way in has all pixels too, and is not fetched again.
    expect(size[0] <= SIZE / 2, `${size} samples came`);
    return text;
  });
  await screenshot(page, "large_2_pixels");
  await check("so does the next frame, and a part the picture is moved to", async () => {
    await page.locator(st("navigator-canvas")).focus();
    await page.keyboard.press("ArrowRight");
    await drawn(page, (shown, index) => shown.index[0] === index, frame + 1, "the next frame");
    await expectPixels(page, frame + 1);
    const { size } = (await hook(page)).frame;
    expect(size[0] <= 128, `${size} samples came for 32 pixels`);
    const before = await readAt(page, 0.5, 0.5);
    const box = await page.locator(st("signal-canvas")).boundingBox();
    for (let times = 0; times < 4; times += 1) {
      await page.mouse.move(...at(box, 0.9, 0.9));
      await page.mouse.down();
      await page.mouse.move(...at(box, 0.1, 0.2), { steps: 5 });
      await page.mouse.up();
    }
    await page.waitForTimeout(500);
    const text = await expectPixels(page, frame + 1);
    const after = await readAt(page, 0.5, 0.5);
    expect(after.column - before.column > 60 && after.row - before.row > 50, `"${before.text}", then "${after.text}"`);
    return text;
  });
  await check("the whole picture is there again at once", async () => {
    await page.locator(st("signal-canvas")).focus();
    await page.keyboard.press("0");
    const shown = await drawn(page, (now, size) => now.size[0] === size, first.size[0], "the whole picture", 2_000);
    const { value, text } = await readAt(page, 0.9, 0.9);
    expect(value.includes("mean of") && shown.size[0] === first.size[0], `"${text}"`);
    return text;
  });
  await screenshot(page, "large_3_whole");
}

writeFrames(join(folder, "frames.npy"));
writeNotebook(join(folder, "large_frames.ipynb"));
const server = await startServer(jupyter, folder);
const browser = await launch();
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error.message)));
  await openNotebook(page, server, "large_frames.ipynb?reset");
  await look(page);
  await check("no uncaught error in the page", () => {
    const ours = complaints.filter((text) => !/ResizeObserver loop/.test(text));
    expect(ours.length === 0, ours.join(" | "));
  });
} finally {
  await browser.close();
  await server.stop();
}
process.exit(verdict());
