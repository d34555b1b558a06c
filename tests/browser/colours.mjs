// Images of colours are drawn in their own colours, pixel by pixel, and images that follow each other never go dark unsaid: in real
// JupyterLab in headless Chromium.
// Usage: CHROMIUM=… node colours.mjs JUPYTER FOLDER (FOLDER is empty).

import { cpSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { check, expect, launch, SCREENSHOTS, verdict } from "./chromium.mjs";
import { kernelIdle, openNotebook, runCell, showCell, startServer } from "./jupyterlab.mjs";

const [jupyter, folder] = process.argv.slice(2);
const NOTEBOOK = "colours.ipynb";
const [ROWS, COLUMNS] = [4, 5];
/** `(frame | y, x)`. */
const MOVIE = [4, 20, 24];
const PHOTO = [300, 400];
const CELLS = [
  'let photos = open("rgb8.hspy")?;\nphotos',
  'let deep = open("rgba16.zspy")?;\ndeep',
  "let red = photos.red()?;\nred",
  "photos.frame(0)?",
  'let movie = open("movie.npy")?;\nmovie',
  'let photo = open("photo.npy")?;\nphoto',
  `let joined = photo.crop_signal(CropSignal { top: 100, left: 200, ..default() })?
    .rebin_signal(RebinSignal { rows: 50, columns: 50, ..default() })?;
joined`,
];

const DATA = join(dirname(fileURLToPath(import.meta.url)), "../data/colours");
for (const name of ["rgb8.hspy", "rgba16.zspy"]) {
  cpSync(join(DATA, name), join(folder, name), { recursive: true });
}

/** The formula of `make_colours.py`. */
const number = (bits, at, row, column, channel) => {
  const value = 101 * at + 37 * row + 11 * column + 53 * channel + 7;
  return bits === 8 ? value % 256 : (value * 211) % 65536;
};

/** What a person sees of a pixel: on white. */
function seen(bits, channels, at, row, column) {
  const full = bits === 8 ? 255 : 65535;
  const of = (channel) => number(bits, at, row, column, channel) / full;
  const opacity = channels === 4 ? of(3) : 1;
  return [...[0, 1, 2].map((channel) => 255 * (of(channel) * opacity + 1 - opacity)), 255];
}

function write(name, descr, shape, data) {
  const header = `{'descr': ${descr}, 'fortran_order': False, 'shape': (${shape.join(", ")}), }`.padEnd(117);
  const start = Buffer.from(`\x93NUMPY\x01\x00v\x00${header}\n`, "latin1");
  writeFileSync(join(folder, name), Buffer.concat([start, Buffer.from(data.buffer)]));
}

// Each image ten times as bright as the one before.
const movie = Uint16Array.from({ length: MOVIE.reduce((all, size) => all * size) }, (_, at) => {
  const pixel = at % (MOVIE[1] * MOVIE[2]);
  return (10 + (pixel % MOVIE[2]) / 4) * 10 ** Math.floor(at / (MOVIE[1] * MOVIE[2]));
});
write("movie.npy", "'<u2'", MOVIE, movie);
const photo = new Uint8Array(3 * PHOTO[0] * PHOTO[1]);
for (let pixel = 0; pixel < PHOTO[0] * PHOTO[1]; pixel += 1) {
  const [y, x] = [Math.floor(pixel / PHOTO[1]) / PHOTO[0], (pixel % PHOTO[1]) / PHOTO[1]];
  const disk = Math.hypot(y - 0.5, (x - 0.5) * 1.33) < 0.3;
  photo.set(disk ? [230, 60, 40] : [255 * x, 255 * y, 160], 3 * pixel);
}
write("photo.npy", "[('R', '|u1'), ('G', '|u1'), ('B', '|u1')]", PHOTO, photo);

const part = (page, cell, name) =>
  page.locator(`.jp-Notebook [data-windowed-list-index="${cell}"] [data-st="${name}"]`);
const screenshot = (page, name) => page.screenshot({ path: join(SCREENSHOTS, `colours_${name}.png`) });

const shown = (page, cell) =>
  part(page, cell, "viewer").evaluate((element) => {
    const { node, view, levels } = element.__signaltree_state();
    const reply = view.picture?.reply;
    return { index: reply?.index, sample: reply?.sample, planes: reply?.planes, levels: levels[node] };
  });

async function until(page, cell, what, holds, ms = 20_000) {
  let state;
  for (const end = Date.now() + ms; Date.now() < end; await page.waitForTimeout(100)) {
    state = await shown(page, cell);
    if (holds(state)) {
      return state;
    }
  }
  throw new Error(`${what} did not happen: ${JSON.stringify(state)}`);
}

async function show(page, cell) {
  await runCell(page, cell);
  await kernelIdle(page);
  await showCell(page, cell);
}

/** The pixels of the picture as they lie on its canvas. */
const pixels = (page, cell) =>
  part(page, cell, "viewer").evaluate((element) => {
    const overlay = element.querySelector('[data-st="signal-canvas"]');
    const image = overlay.parentElement.querySelector("canvas.st-image");
    const { width, height } = image;
    return { width, height, data: [...image.getContext("2d").getImageData(0, 0, width, height).data] };
  });

async function compare(page, cell, at, bits, channels) {
  const { width, height, data } = await pixels(page, cell);
  expect(width === COLUMNS && height === ROWS, `${width} by ${height} pixels`);
  for (let row = 0; row < ROWS; row += 1) {
    for (let column = 0; column < COLUMNS; column += 1) {
      const found = data.slice(4 * (row * COLUMNS + column), 4 * (row * COLUMNS + column) + 4);
      const expected = seen(bits, channels, at, row, column);
      const off = Math.max(...expected.map((value, i) => Math.abs(value - found[i])));
      expect(off <= (bits === 8 ? 1e-6 : 0.51), `image ${at}, ${row}, ${column}: ${found}, ${expected} expected`);
    }
  }
}

async function next(page, cell, index) {
  await part(page, cell, "navigator-canvas").press("ArrowRight");
  await until(page, cell, `image ${index}`, ({ index: [at] = [] }) => at === index);
  await page.waitForTimeout(400);
}

const browser = await launch();
const server = await startServer(jupyter, folder);
try {
  const cells = CELLS.map((source, at) => ({ cell_type: "code", id: `cell-${at}`, metadata: {}, source, outputs: [], execution_count: null }));
  const metadata = { kernelspec: { name: "signaltree", display_name: "SignalTree", language: "rust" } };
  writeFileSync(join(folder, NOTEBOOK), JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
  const page = await browser.newPage({ viewport: { width: 1400, height: 1100 } });
  await openNotebook(page, server, NOTEBOOK);
  for (const [cell, bits, channels] of [
    [0, 8, 3],
    [1, 16, 4],
  ]) {
    await check(`colours of ${bits} bit, ${channels} numbers each, are drawn as they are stored`, async () => {
      await show(page, cell);
      const { index } = await until(page, cell, "a picture", ({ planes }) => planes === channels);
      await compare(page, cell, index[0], bits, channels);
      await next(page, cell, index[0] + 1);
      await compare(page, cell, index[0] + 1, bits, channels);
      expect((await part(page, cell, "levels-note").textContent()).includes("own colours"), "nothing is said");
      for (const name of ["levels-colormap", "levels-gamma", "levels-auto", "histogram"]) {
        expect(!(await part(page, cell, name).isVisible()), `${name} is there`);
      }
      await part(page, cell, "signal-canvas").hover();
      await page.waitForTimeout(300);
      const text = await part(page, cell, "viewer").textContent();
      expect(channels === 4 ? /R \d+, G \d+, B \d+, A \d+/.test(text) : /R \d+, G \d+, B \d+/.test(text), text);
      await screenshot(page, `${cell}_${bits}_bit`);
    });
  }
  await check("a channel is an image as any other", async () => {
    await show(page, 2);
    await until(page, 2, "a picture", ({ sample, planes }) => sample === "u8" && planes === 1);
    expect(await part(page, 2, "levels-colormap").isVisible(), "no colormap");
    await screenshot(page, "2_red");
  });
  await check("a frame of colours in a cell says what it is", async () => {
    const text = await runCell(page, 3).then(
      () => "it has one",
      (error) => error.message,
    );
    expect(text.includes("RGB of 8 bit") && text.includes(".luminance()?"), text);
  });
  await check("images that follow each other are seen, whatever the levels of the first were", async () => {
    await show(page, 4);
    const { index } = await until(page, 4, "a picture", ({ levels }) => levels !== undefined);
    for (let at = index[0] + 1; at < MOVIE[0]; at += 1) {
      await next(page, 4, at);
      const { levels } = await shown(page, 4);
      const least = 10 ** (at + 1);
      expect(levels.low < 1.6 * least && levels.high > least, JSON.stringify(levels));
      const { data } = await pixels(page, 4);
      const dark = Math.min(...data.filter((_, i) => i % 4 === 0));
      const bright = Math.max(...data.filter((_, i) => i % 4 === 0));
      expect(dark < 20 && bright > 235, `${dark} to ${bright}`);
    }
    expect((await part(page, 4, "levels-note").textContent()).includes("chosen again"), "nothing is said");
    await screenshot(page, "4_movie");
    await part(page, 4, "levels-each").click();
    await part(page, 4, "navigator-canvas").press("ArrowLeft");
    await until(page, 4, "its own levels", ({ levels }) => levels?.of.endsWith(`@${MOVIE[0] - 2},0`));
  });
  await check("a photograph larger than the screen is drawn in its colours", async () => {
    await show(page, 5);
    await until(page, 5, "a picture", ({ planes }) => planes === 3);
    const { width, height, data } = await pixels(page, 5);
    const middle = data.slice(4 * (Math.floor(height / 2) * width + Math.floor(width / 2)));
    expect(JSON.stringify(middle.slice(0, 4)) === "[230,60,40,255]", String(middle.slice(0, 4)));
    await screenshot(page, "5_photo");
  });
  await check("what is cropped and rebinned has the mean colours, and says so", async () => {
    await show(page, 6);
    await until(page, 6, "a picture", ({ planes }) => planes === 3);
    const { width, height, data } = await pixels(page, 6);
    expect(width === 4 && height === 4, `${width} by ${height} pixels`);
    for (const [row, column] of [
      [0, 0],
      [1, 3],
      [3, 2],
    ]) {
      const sum = [0, 0, 0];
      for (let at = 0; at < 2500; at += 1) {
        const [y, x] = [100 + 50 * row + Math.floor(at / 50), 200 + 50 * column + (at % 50)];
        for (let channel = 0; channel < 3; channel += 1) {
          sum[channel] += photo[3 * (y * PHOTO[1] + x) + channel];
        }
      }
      const expected = sum.map((each) => Math.round(each / 2500));
      const found = data.slice(4 * (4 * row + column), 4 * (4 * row + column) + 3);
      expect(expected.every((value, i) => Math.abs(value - found[i]) <= 1), `${row}, ${column}: ${found}, ${expected} expected`);
    }
    const said = await part(page, 6, "viewer").evaluate((element) => {
      const { nodes, node } = element.__signaltree_state();
      return JSON.stringify(nodes.find((each) => each.id === node).caveats ?? []);
    });
    expect(said.includes("mean of its colours"), said);
    await screenshot(page, "6_joined");
  });
} finally {
  await browser.close();
  await server.stop();
}
process.exit(verdict());
