// Detectors placed by a stretch of an axis or by vertices: a band dragged on a spectrum in eV, a polygon on a pattern, their images
// and their controls. In real JupyterLab in headless Chromium.
// Usage: CHROMIUM=… node shapes.mjs JUPYTER FOLDER (FOLDER is empty).

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { check, expect, launch, SCREENSHOTS, verdict } from "./chromium.mjs";
import { kernelIdle, openNotebook, runCell, showCell, startServer } from "./jupyterlab.mjs";

const [jupyter, folder] = process.argv.slice(2);
const NOTEBOOK = "shapes.ipynb";
const [ROWS, COLUMNS, CHANNELS] = [24, 36, 400];
const [OFFSET, SCALE] = [250, 1];
const CELLS = [
  `let spectra = open_with("spectra.npy", Open { signal_axes: 1, axes: vec![Axis::calibrated("y", 2.0, 0.0, "nm"),
    Axis::calibrated("x", 2.0, 0.0, "nm"), Axis::calibrated("Energy", ${SCALE}.0, ${OFFSET}.0, "eV")], ..default() })?;
let oxygen = spectra.energy_window(EnergyWindow { range: Some([540.0, 600.0]), ..default() })?;
oxygen`,
  `let scan = open("scan.npy")?;
let shape = scan.virtual_image(Polygon { vertices: Some(vec![[4.0, 6.0], [6.0, 22.0], [16.0, 26.0], [12.0, 14.0], [18.0, 4.0]]), ..default() })?;
shape`,
];

function write(name, shape, pixels) {
  const header = `{'descr': '<u2', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`.padEnd(117);
  const data = Buffer.from(pixels.buffer);
  writeFileSync(join(folder, name), Buffer.concat([Buffer.from(`\x93NUMPY\x01\x00v\x00${header}\n`, "latin1"), data]));
}

/** Carbon everywhere, oxygen in a disk of the scan. */
function counts(y, x, channel) {
  const energy = OFFSET + SCALE * channel;
  const edge = (at, height) => (energy < at ? 0 : height * Math.exp(-(energy - at) / 60));
  const oxygen = Math.hypot(y - 10, x - 22) < 7 ? 150 : 0;
  return Math.floor(900 * (energy / 250) ** -3 + edge(284, 400) + edge(532, oxygen));
}

function files() {
  const spectra = new Uint16Array(ROWS * COLUMNS * CHANNELS);
  for (let at = 0; at < ROWS * COLUMNS; at += 1) {
    for (let channel = 0; channel < CHANNELS; channel += 1) {
      spectra[at * CHANNELS + channel] = counts(Math.floor(at / COLUMNS), at % COLUMNS, channel);
    }
  }
  write("spectra.npy", [ROWS, COLUMNS, CHANNELS], spectra);
  const scan = new Uint16Array(ROWS * COLUMNS * 24 * 30);
  for (let at = 0; at < ROWS * COLUMNS; at += 1) {
    for (let pixel = 0; pixel < 720; pixel += 1) {
      scan[at * 720 + pixel] = (at * 7 + pixel * 13 + Math.floor(pixel / 30) * 40) % 997;
    }
  }
  write("scan.npy", [ROWS, COLUMNS, 24, 30], scan);
}

/** The cell whose viewer is looked at. */
let cell = 0;
const part = (page, name) => page.locator(`.jp-Notebook [data-windowed-list-index="${cell}"] [data-st="${name}"]`);
const screenshot = (page, name) => page.screenshot({ path: join(SCREENSHOTS, `shapes_${name}.png`) });

/** What the viewer shows, and the values of its image. */
const shown = (page) =>
  part(page, "viewer").evaluate((element) => {
    const { nodes, node, view } = element.__signaltree_state();
    const { picture } = view;
    return {
      node: nodes.find((each) => each.id === node),
      exact: picture?.reply.exact,
      draft: picture?.reply.draft,
      drawn: picture?.reply.node,
      values: picture && [...picture.samples],
      draftParams: view.draft?.params,
    };
  });

async function until(page, what, holds, ms = 20_000) {
  let state;
  for (const end = Date.now() + ms; Date.now() < end; await page.waitForTimeout(100)) {
    state = await shown(page);
    if (holds(state)) {
      return state;
    }
  }
  throw new Error(`${what} did not happen: ${JSON.stringify({ ...state, values: undefined, node: state?.node?.params })}`);
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** The sum over the channels whose centres lie in a range, at every position. */
function sums([from, to]) {
  return Array.from({ length: ROWS * COLUMNS }, (_, at) => {
    let sum = 0;
    for (let channel = 0; channel < CHANNELS; channel += 1) {
      const energy = OFFSET + SCALE * channel;
      sum += energy >= from && energy < to ? counts(Math.floor(at / COLUMNS), at % COLUMNS, channel) : 0;
    }
    return sum;
  });
}

/** Where the pane with the spectrum or the pattern is, beside the image. */
const ground = async (page) => {
  const panes = page.locator(`.jp-Notebook [data-windowed-list-index="${cell}"] .st-companion [data-st="signal-canvas"]`);
  await panes.waitFor();
  // The whole of it, also below a viewer that is higher than the page.
  await panes.evaluate((canvas) => canvas.scrollIntoView({ block: "center" }));
  await page.waitForTimeout(300);
  return panes.boundingBox();
};

/** Where the centre of a pixel of the pattern is on the page. */
async function places(page) {
  const box = await ground(page);
  const scale = Math.min(box.width / 30, box.height / 24);
  return ([row, column]) => [
    box.x + (box.width - 30 * scale) / 2 + (column + 0.5) * scale,
    box.y + (box.height - 24 * scale) / 2 + (row + 0.5) * scale,
  ];
}

files();
const browser = await launch();
const server = await startServer(jupyter, folder);
try {
  const cells = CELLS.map((source, at) => ({ cell_type: "code", id: `cell-${at}`, metadata: {}, source, outputs: [], execution_count: null }));
  const metadata = { kernelspec: { name: "signaltree", display_name: "SignalTree", language: "rust" } };
  writeFileSync(join(folder, NOTEBOOK), JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
  const page = await browser.newPage({ viewport: { width: 1400, height: 1100 } });
  await openNotebook(page, server, NOTEBOOK);
  await runCell(page, 0);
  await kernelIdle(page);
  await showCell(page, 0);
  await part(page, "viewer").waitFor();
  await check("an energy window is a band on the spectrum, and its image is the sum in it", async () => {
    const { values } = await until(page, "the image", ({ exact, node }) => exact && node.name === "oxygen");
    expect(same(values, sums([540, 600])), "other values");
    await page.waitForTimeout(300);
    await screenshot(page, "1_window");
  });
  await check("its end is dragged, the image follows, and the parameter is kept when it is let go", async () => {
    const box = await ground(page);
    // As in `plotArea`: room for ticks on the left and on the right.
    const x = (energy) => box.x + 48 + ((energy - OFFSET) / SCALE + 0.5) * ((box.width - 60) / CHANNELS);
    const y = box.y + box.height / 2;
    await page.mouse.move(x(600), y);
    await page.mouse.down();
    await page.mouse.move(x(620), y, { steps: 4 });
    await page.mouse.move(x(640), y, { steps: 4 });
    const tried = await until(page, "the image of what is tried", ({ draft, draftParams }) => draft && draftParams);
    const [from, to] = tried.draftParams.range;
    expect(from === 540 && Math.abs(to - 640) <= 2, JSON.stringify(tried.draftParams));
    await screenshot(page, "2_dragged");
    await page.mouse.up();
    const { values, node } = await until(page, "the kept image", ({ exact, draft, node }) => exact && !draft && node.params.range[1] === to);
    expect(same(values, sums(node.params.range)), "other values");
    expect((await part(page, "parameter-range-to").inputValue()) === String(to), "the control");
  });
  await check("its ends are typed, beyond the axis too, which is said", async () => {
    await part(page, "parameter-range-from").fill("530.5");
    await part(page, "parameter-range-from").press("Enter");
    const { values } = await until(page, "what was typed", ({ exact, draft, node }) => exact && !draft && node.params.range[0] === 530.5);
    expect(values.length === ROWS * COLUMNS, "an image");
    await part(page, "parameter-range-to").fill("900");
    await part(page, "parameter-range-to").press("Enter");
    const { node, values: cut } = await until(page, "a cut window", ({ exact, draft, node }) => exact && !draft && node.params.range[1] === 900);
    expect(same(cut, sums([530.5, 900])), "other values");
    expect(node.caveats?.some(({ text }) => text.includes("reaches beyond the axis `Energy`")), JSON.stringify(node.caveats));
    await page.waitForTimeout(300);
    await screenshot(page, "3_cut");
  });
  await check("a polygon has vertices that are dragged, and gets one where an edge is dragged", async () => {
    await runCell(page, 1);
    await kernelIdle(page);
    cell = 1;
    await showCell(page, 1);
    await part(page, "viewer").waitFor();
    await until(page, "the image", ({ exact, node }) => exact && node.name === "shape");
    await page.waitForTimeout(300);
    await ground(page);
    await screenshot(page, "4_polygon");
    const drag = async (from, to, name) => {
      // What is below the code line moves with its length.
      const at = await places(page);
      await page.mouse.move(...at(from));
      await page.mouse.down();
      await page.mouse.move(...at(to), { steps: 6 });
      await page.waitForTimeout(200);
      await screenshot(page, name);
      await page.mouse.up();
    };
    await drag([12, 14], [9, 10], "5_vertex");
    const moved = await until(page, "the moved vertex", ({ node, exact, draft }) => exact && !draft && node.params.vertices[3][1] < 11);
    expect(moved.node.params.vertices.length === 5, JSON.stringify(moved.node.params));
    // The middle of the first edge.
    await drag([5, 14], [2, 14], "6_edge");
    const { node } = await until(page, "the added vertex", ({ node, exact, draft }) => exact && !draft && node.params.vertices.length === 6);
    expect(Math.abs(node.params.vertices[1][0] - 2) < 0.6, JSON.stringify(node.params));
    expect(/Polygon \{ vertices: Some\(vec!\[\[4\.0, 6\.0\], /.test(node.code), node.code);
  });
  await check("a vertex goes with Delete over it", async () => {
    const { vertices } = (await shown(page)).node.params;
    expect(vertices.length === 6, "there is none to remove");
    const at = await places(page);
    await page.mouse.move(...at(vertices[1]));
    await page.keyboard.press("Delete");
    await until(page, "five vertices", ({ node, draft }) => !draft && node.params.vertices.length === 5);
    await page.waitForTimeout(300);
    await screenshot(page, "7_five");
  });
} finally {
  await browser.close();
  await server.stop();
}
process.exit(verdict());
