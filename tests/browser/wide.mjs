// Signals beside the usual ones: four scan axes and complex numbers, a stack of images at each position, the components of a model,
// one number at each position. In real JupyterLab in headless Chromium.
// Usage: CHROMIUM=… node wide.mjs JUPYTER FOLDER (FOLDER is empty).

import { cpSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { check, expect, launch, SCREENSHOTS, verdict } from "./chromium.mjs";
import { kernelIdle, openNotebook, runCell, showCell, startServer } from "./jupyterlab.mjs";

const [jupyter, folder] = process.argv.slice(2);
const NOTEBOOK = "wide.ipynb";
/** `(tilt, time, y, x | ky, kx)`. */
const WAVES = [2, 3, 6, 8, 20, 24];
const STACK = [6, 8, 5, 20, 24];
const CELLS = [
  'let waves = open("waves.npy")?;\nwaves',
  'let stack = open_with("stack.npy", Open { signal_axes: 3, ..default() })?;\nstack',
  `let model = open("plain.npy")?.decompose(Svd { components: 5, ..default() })?;
let loadings = model.loadings()?;
loadings`,
  'let current = open("currents.zspy")?;\ncurrent',
  `let focus = open_with("focus.npy", Open { signal_axes: 3, axes: vec![Axis::calibrated("x", 2.0, 0.0, "nm"),
    Axis::named("focus", vec!["before", "in focus", "behind"]), Axis::calibrated("ky", 0.1, 0.0, "1/nm"),
    Axis::calibrated("kx", 0.1, 0.0, "1/nm")], ..default() })?;
focus`,
  "waves.frame((0, 1, 2, 3))?",
  `let turned = waves.map(|frame: Frame<Complex<f32>>| frame.mapv(|wave| wave * Complex::I))?;
let there = waves.frame_as::<Complex<f64>>((1, 2, 3, 4))?;
println!("{:.3}", (turned.frame_as::<Complex<f64>>((1, 2, 3, 4))?.total() - there.total() * Complex::I).norm());
there`,
];
/** `(x | focus, ky, kx)`. */
const FOCUS = [4, 3, 20, 24];

function write(name, descr, shape, data) {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`.padEnd(117);
  const start = Buffer.from(`\x93NUMPY\x01\x00v\x00${header}\n`, "latin1");
  writeFileSync(join(folder, name), Buffer.concat([start, Buffer.from(data.buffer)]));
}

const product = (sizes) => sizes.reduce((all, size) => all * size, 1);

/** A ring whose phase turns with the position, brighter along the scan; the fraction tells tilt and time. */
function writeAll() {
  const [rows, columns] = WAVES.slice(-2);
  const waves = new Float32Array(2 * product(WAVES));
  const plain = new Uint16Array(product(WAVES.slice(2)));
  for (let at = 0; at < product(WAVES.slice(0, 4)); at += 1) {
    const [x, y] = [at % WAVES[3], Math.floor(at / WAVES[3]) % WAVES[2]];
    for (let pixel = 0; pixel < rows * columns; pixel += 1) {
      const [down, right] = [Math.floor(pixel / columns) - 9.5, (pixel % columns) - 11.5];
      const ring = Math.exp(-((Math.hypot(down, right) - 6) ** 2) / 4) * (10 + y + 2 * x);
      const phase = Math.atan2(down, right) + at / 20;
      waves.set([ring * Math.cos(phase), ring * Math.sin(phase)], 2 * (at * rows * columns + pixel));
      if (at < WAVES[2] * WAVES[3]) {
        plain[at * rows * columns + pixel] = 40 + ring * (1 + 0.3 * Math.sin(y) * Math.cos(phase)) + 8 * ((pixel * 7919 + at * 104729) % 3);
      }
    }
  }
  write("waves.npy", "<c8", WAVES, waves);
  write("plain.npy", "<u2", WAVES.slice(2), plain);
  const stack = Uint16Array.from({ length: product(STACK) }, (_, at) => {
    const [depth, pixel] = [Math.floor(at / 480) % STACK[2], at % 480];
    const [down, right] = [Math.floor(pixel / 24) - 9.5, (pixel % 24) - 11.5];
    return 20 + 300 * Math.exp(-((Math.hypot(down, right) - 2 * depth) ** 2));
  });
  write("stack.npy", "<u2", STACK, stack);
  const focus = new Float32Array(2 * product(FOCUS));
  for (let at = 0; at < product(FOCUS); at += 1) {
    const [image, pixel] = [Math.floor(at / 480) % 3, at % 480];
    const [down, right] = [Math.floor(pixel / 24) - 9.5, (pixel % 24) - 11.5];
    const amplitude = Math.exp(-(down ** 2 + right ** 2) / (20 + 60 * Math.abs(image - 1)));
    focus.set([amplitude * Math.cos((image - 1) * down), amplitude * Math.sin((image - 1) * down)], 2 * at);
  }
  write("focus.npy", "<c8", FOCUS, focus);
  const data = join(dirname(fileURLToPath(import.meta.url)), "../data/wide");
  cpSync(join(data, "currents.zspy"), join(folder, "currents.zspy"), { recursive: true });
}

const part = (page, cell, name) =>
  page.locator(`.jp-Notebook [data-windowed-list-index="${cell}"] [data-st="${name}"]`);
const screenshot = (page, name) => page.screenshot({ path: join(SCREENSHOTS, `wide_${name}.png`) });

/** What the viewer of a cell shows. */
const shown = (page, cell) =>
  part(page, cell, "viewer").evaluate((element) => {
    const { nodes, node, position, component, view } = element.__signaltree_state();
    const { navigator, picture } = view;
    return {
      node: nodes.find((each) => each.id === node)?.name,
      position: [...position],
      component,
      drawn: picture?.reply.component,
      index: picture?.reply.index,
      outer: navigator?.reply.outer,
      size: navigator && [navigator.reply.full_height, navigator.reply.full_width],
      complete: navigator?.reply.complete,
      region: view.region,
      exact: picture?.reply.exact,
      values: picture && [...picture.samples],
    };
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

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

async function show(page, cell) {
  await runCell(page, cell);
  await kernelIdle(page);
  await showCell(page, cell);
  await part(page, cell, "viewer").waitFor();
}

writeAll();
const browser = await launch();
const server = await startServer(jupyter, folder);
try {
  const cells = CELLS.map((source, at) => ({ cell_type: "code", id: `cell-${at}`, metadata: {}, source, outputs: [], execution_count: null }));
  const metadata = { kernelspec: { name: "signaltree", display_name: "SignalTree", language: "rust" } };
  writeFileSync(join(folder, NOTEBOOK), JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
  const page = await browser.newPage({ viewport: { width: 1400, height: 1100 } });
  await openNotebook(page, server, NOTEBOOK);
  await check("four scan axes have a plane and two sliders", async () => {
    await show(page, 0);
    await until(page, 0, "the plane", ({ size, complete }) => same(size, [6, 8]) && complete === 1);
    await part(page, 0, "axis-series-value").fill("1");
    await part(page, 0, "axis-series-value").press("Enter");
    await part(page, 0, "axis-time-value").fill("2");
    await part(page, 0, "axis-time-value").press("Enter");
    await until(page, 0, "the other plane", ({ outer, index }) => same(outer, [1, 2]) && same(index, [1, 2, 3, 4]));
    await screenshot(page, "1_amplitude");
  });
  await check("complex numbers are seen as four pictures", async () => {
    for (const [number, name] of ["amplitude", "phase", "real", "imaginary"].entries()) {
      await part(page, 0, `component-${name}`).click();
      await until(page, 0, name, ({ drawn }) => drawn === number);
      await screenshot(page, `2_${name}`);
    }
  });
  await check("a stack of images is gone through by a slider", async () => {
    await show(page, 1);
    await part(page, 1, "axis-plane-value").fill("3");
    await part(page, 1, "axis-plane-value").press("Enter");
    await until(page, 1, "another image", ({ drawn }) => drawn === 3);
    await screenshot(page, "3_stack");
  });
  await check("components have their scree for a navigator and begin with the first", async () => {
    await show(page, 2);
    const { position } = await until(page, 2, "the scree", ({ size, index }) => same(size, [1, 5]) && index !== undefined);
    expect(same(position, [0]), JSON.stringify(position));
    await part(page, 2, "navigator-canvas").press("ArrowRight");
    await until(page, 2, "the second component", ({ index }) => same(index, [1]));
    await screenshot(page, "4_loadings");
  });
  await check("one number at each position is a map", async () => {
    await show(page, 3);
    await page.waitForTimeout(1000);
    await screenshot(page, "5_current");
  });
  await check("complex images along an axis of names have a tab for each part and a slider that names them", async () => {
    await show(page, 4);
    await part(page, 4, "axis-focus-value").fill("2");
    await part(page, 4, "axis-focus-value").press("Enter");
    await until(page, 4, "the last image", ({ drawn }) => drawn === 2);
    expect((await part(page, 4, "stack-axis").textContent()).includes("behind"), "no name");
    await part(page, 4, "component-imaginary").click();
    const { values } = await until(page, 4, "its imaginary part", ({ drawn }) => drawn === 11);
    const expected = Math.exp(-(0.5 ** 2 + 0.5 ** 2) / 80) * Math.sin(0.5);
    expect(Math.abs(values[10 * 24 + 12] - expected) < 1e-6, `${values[10 * 24 + 12]}, ${expected} expected`);
    await screenshot(page, "6_focus");
  });
  await check("a frame of complex numbers says how it is had, and is had so", async () => {
    const text = await runCell(page, 5).then(
      () => "it has one",
      (error) => error.message,
    );
    expect(text.includes(".frame_as::<Complex<f32>>((0, 0, 0, 0))?") && text.includes(".phase()?"), text);
    await runCell(page, 6);
    await kernelIdle(page);
    await showCell(page, 6);
    const shown = await page.locator('.jp-Notebook [data-windowed-list-index="6"] .jp-OutputArea').textContent();
    expect(shown.includes("0.000") && shown.includes("Complex<f64>") && shown.includes("amplitude"), shown);
    await screenshot(page, "7_complex_frame");
  });
  await check("the mean of a region is that of the numbers, not of their amplitudes", async () => {
    await showCell(page, 0);
    await part(page, 0, "component-real").click();
    const single = await until(page, 0, "one position", ({ drawn, region }) => drawn === 2 && !region);
    await part(page, 0, "region-toggle").click();
    const { region, values } = await until(page, 0, "its mean", (state) => state.region && state.exact && state.drawn === 2 && !same(state.values, single.values));
    const pixel = 5 * 24 + 15;
    const [down, right] = [5 - 9.5, 15 - 11.5];
    let sum = 0;
    for (let y = region.y0; y < region.y0 + region.height; y += 1) {
      for (let x = region.x0; x < region.x0 + region.width; x += 1) {
        const at = ((1 * 3 + 2) * 6 + y) * 8 + x;
        const ring = Math.exp(-((Math.hypot(down, right) - 6) ** 2) / 4) * (10 + y + 2 * x);
        sum += ring * Math.cos(Math.atan2(down, right) + at / 20);
      }
    }
    const expected = sum / (region.width * region.height);
    expect(Math.abs(values[pixel] - expected) < 1e-4 * Math.abs(expected) + 1e-5, `${values[pixel]}, ${expected} expected`);
    await screenshot(page, "8_region");
  });
} finally {
  await browser.close();
  await server.stop();
}
process.exit(verdict());
