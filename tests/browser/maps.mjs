// Maps: saved ones that are opened again, lines and single positions, the question before a file is replaced, the picture in
// the notebook after a reload of the page and its colour limits, three panes at 320 px. In real JupyterLab in headless Chromium.
// Usage: CHROMIUM=… node maps.mjs JUPYTER FOLDER (FOLDER is empty).

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { check, expect, launch, SCREENSHOTS, verdict } from "./chromium.mjs";
import { compare, samples } from "./pixels.mjs";
import { kernelIdle, openNotebook, runCell, showCell, startServer } from "./jupyterlab.mjs";

const [jupyter, folder] = process.argv.slice(2);
const NOTEBOOK = "maps.ipynb";
/** Files of frames `(y, x | 24, 20)`. */
const SCANS = { "image.npy": [6, 9], "row.npy": [1, 9], "column.npy": [9, 1], "one.npy": [1, 1] };
const map = (name) =>
  `let ${name}_scan = open("${name}.npy")?;\nlet ${name} = ${name}_scan.center_of_mass(CenterOfMass { reference: Reference::None, ..default() })?;\n${name}`;
const CELLS = [
  map("image"),
  map("row"),
  map("column"),
  map("one"),
  'image.save("saved.zspy")?;\nlet saved = open("saved.zspy")?;\nsaved',
];
const [IMAGE, ROW, COLUMN, ONE, SAVED] = [0, 1, 2, 3, 4];

/** A spot whose place tells the position. */
function write(name, [ny, nx]) {
  const header = `{'descr': '<u2', 'fortran_order': False, 'shape': (${ny}, ${nx}, 24, 20), }`.padEnd(117);
  const pixels = new Uint16Array(ny * nx * 480);
  for (let at = 0; at < ny * nx; at += 1) {
    const [y, x] = [Math.floor(at / nx), at % nx];
    for (let row = 0; row < 3; row += 1) {
      pixels.fill(900, at * 480 + (8 + y + row) * 20 + 3 + x, at * 480 + (8 + y + row) * 20 + 6 + x);
    }
  }
  writeFileSync(join(folder, name), Buffer.concat([Buffer.from(`\x93NUMPY\x01\x00v\x00${header}\n`, "latin1"), Buffer.from(pixels.buffer)]));
}

const cell = (page, index) => page.locator(`.jp-Notebook [data-windowed-list-index="${index}"]`);
const part = (page, index, name) => cell(page, index).locator(`[data-st="${name}"]`);
const screenshot = (page, name) => page.screenshot({ path: join(SCREENSHOTS, `maps_${name}.png`) });

/** What the output of a cell holds for readers without a kernel. */
const held = (page, index) =>
  page.evaluate((at) => {
    const { outputs } = globalThis.jupyterapp.shell.currentWidget.content.model.cells.get(at).toJSON();
    const output = outputs.find((each) => each.data?.["application/vnd.jupyter.widget-view+json"]);
    return output && { png: output.data["image/png"], html: output.data["text/html"], alt: output.metadata["image/png"]?.alt };
  }, index);

async function until(what, holds, ms = 30_000) {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const found = await holds();
    if (found) {
      return found;
    }
  }
  throw new Error(`${what} did not happen`);
}

async function drawn(page, index) {
  await showCell(page, index);
  await part(page, index, "viewer").waitFor();
  await until(`the map of cell ${index}`, () =>
    part(page, index, "viewer").evaluate((element) => element.__signaltree_state().view.picture?.reply.complete === 1),
  );
  await page.waitForTimeout(400);
  return part(page, index, "viewer").evaluate((element) => {
    const { nodes, node: id, component, view } = element.__signaltree_state();
    const node = nodes.find((each) => each.id === id);
    return { node, component, samples: [...view.picture.samples] };
  });
}

async function lines(page) {
  await check("maps of lines are curves, that of a position a number, in viewer and figure", async () => {
    for (const index of [IMAGE, ROW, COLUMN, ONE]) {
      await runCell(page, index);
      await drawn(page, index);
      await screenshot(page, `1_${["image", "row", "column", "one"][index]}`);
      writeFileSync(join(SCREENSHOTS, `maps_figure_${index}.png`), Buffer.from((await held(page, index)).png, "base64"));
    }
    const kind = async (index) => /(image|curve) (row|column|image|one): /.exec((await held(page, index)).alt)?.[1];
    expect((await kind(IMAGE)) === "image", "the image is none");
    expect((await kind(ROW)) === "curve" && (await kind(COLUMN)) === "curve", "a line is no curve");
    const one = await drawn(page, ONE);
    const text = await part(page, ONE, "signal-number").filter({ visible: true }).textContent();
    const value = Number(/(−?[\d.]+) px$/.exec(text)?.[1]?.replace("−", "-"));
    expect(Math.abs(value - one.samples[0]) < 1e-3 * Math.abs(value), `${text} is not ${one.samples[0]}`);
    expect((await held(page, ONE)).alt.includes(" is "), "the figure has no number");
    // The readout under the pointer is that of the position it points to, in a column along the curve.
    await showCell(page, COLUMN);
    const pane = cell(page, COLUMN).locator(".st-pane.st-focused");
    const column = await drawn(page, COLUMN);
    const box = await pane.locator('[data-st="signal-canvas"]').boundingBox();
    await page.mouse.move(box.x + 48 + ((box.width - 60) * 6.5) / 9, box.y + box.height / 2);
    await page.waitForTimeout(200);
    const readout = await pane.locator('[data-st="signal-readout"]').textContent();
    await screenshot(page, "1_column_readout");
    expect(/y 6\b/.test(readout), readout);
    const shown = Number(/(−?[\d.]+) px$/.exec(readout)?.[1]?.replace("−", "-"));
    expect(Math.abs(shown - column.samples[6]) < 0.001 * Math.max(1, Math.abs(shown)), `${readout} for ${column.samples[6]}`);
    return text;
  });
}

async function vectors(page) {
  await check("direction and length of the shift are one picture, with its wheel, in viewer, readout and figure", async () => {
    await showCell(page, IMAGE);
    await part(page, IMAGE, "composite-deflection").click();
    const { node, component, samples: lengths } = await drawn(page, IMAGE);
    const shown = cell(page, IMAGE).locator(".st-pane.st-focused");
    expect(component === 2 && (await shown.locator('[data-st="key"]').isVisible()), "no key");
    await screenshot(page, "6_hues");
    await part(page, IMAGE, "levels-colormap").selectOption("hsv");
    await page.waitForTimeout(700);
    const levels = await part(page, IMAGE, "viewer").evaluate((element) => element.__signaltree_state().levels);
    const { low, high } = levels[`${node.id}.2`];
    const sorted = lengths.toSorted((a, b) => a - b);
    expect(low === 0 && Math.abs(high - sorted[Math.floor((sorted.length - 1) * 0.99)]) < 1e-6, `levels ${low} to ${high}`);
    const rim = Number(/rim ([\d.]+) px/.exec(await shown.locator('[data-st="key-rim"]').textContent())?.[1]);
    expect(Math.abs(rim - high) < 0.001 * high, `rim ${rim} for ${high}`);
    const model = await page.evaluate((at) => {
      const { outputs } = globalThis.jupyterapp.shell.currentWidget.content.model.cells.get(at).toJSON();
      return outputs.map((each) => each.data?.["application/vnd.jupyter.widget-view+json"]?.model_id).find(Boolean);
    }, IMAGE);
    const asked = { type: "frame", node: node.id, index: [3, 4], component: 2, size_px: [900, 900], detail: "settled" };
    const { reply, data } = await samples(page, model, asked);
    expect(reply.planes === 2, "not two planes");
    const picture = { data, type: reply.sample, width: reply.width, height: reply.height, part: reply.part, planes: 2 };
    const canvas = shown.locator('[data-st="signal-canvas"]');
    const { compared } = await compare(page, canvas, picture, { low, high, colormap: "hsv" }, "vectors");
    // Under the pointer: row 1, column 7 of 6 x 9.
    const image = await shown.locator(".st-image").boundingBox();
    await page.mouse.move(image.x + (image.width * 7.5) / 9, image.y + (image.height * 1.5) / 6);
    await page.waitForTimeout(200);
    const readout = await shown.locator('[data-st="signal-readout"]').textContent();
    const values = new Float32Array(new Uint8Array(Buffer.from(data, "base64")).buffer);
    const [dy, dx] = [values[9 + 7], values[54 + 9 + 7]];
    const said = /Δy (−?[\d.]+) px, Δx (−?[\d.]+) px · Deflection ([\d.]+) px at (\d+)°/.exec(readout);
    const [y, x, length, angle] = (said ?? []).slice(1).map((text) => Number(text.replace("−", "-")));
    const turn = ((Math.atan2(dy, dx) * 180) / Math.PI + 360) % 360;
    expect(Math.abs(y - dy) < 2e-3 && Math.abs(x - dx) < 2e-3, `${readout} for ${dy}, ${dx}`);
    expect(Math.abs(length - Math.hypot(dy, dx)) < 2e-3 && Math.abs(angle - turn) <= 0.5, `${readout} for ${turn}°`);
    await screenshot(page, "6_hsv");
    const figure = await until("the figure", async () => {
      const now = await held(page, IMAGE);
      return now.alt.includes("Deflection, direction as hue") && now;
    });
    writeFileSync(join(SCREENSHOTS, "maps_figure_vectors.png"), Buffer.from(figure.png, "base64"));
    await page.evaluate(() => globalThis.jupyterapp.commands.execute("apputils:change-theme", { theme: "JupyterLab Dark" }));
    await page.waitForTimeout(900);
    await screenshot(page, "6_dark");
    await page.evaluate(() => globalThis.jupyterapp.commands.execute("apputils:change-theme", { theme: "JupyterLab Light" }));
    await part(page, IMAGE, "levels-colormap").selectOption("hues");
    await part(page, IMAGE, "component-dy").click();
    await page.waitForTimeout(700);
    return `${compared} pixels, ${readout}`;
  });
}

async function savedAgain(page) {
  await check("a saved map that is opened is seen as the map it was", async () => {
    const before = await drawn(page, IMAGE);
    await runCell(page, SAVED);
    const after = await drawn(page, SAVED);
    await screenshot(page, "2_saved");
    for (const kept of ["components", "composites"]) {
      expect(JSON.stringify(after.node[kept]) === JSON.stringify(before.node[kept]), kept);
    }
    expect(JSON.stringify(after.samples) === JSON.stringify(before.samples), "values");
    return after.node.summary;
  });
}

async function asks(page) {
  await check("Save… asks before it replaces a file", async () => {
    await showCell(page, IMAGE);
    await part(page, IMAGE, "save").click();
    await part(page, IMAGE, "save-path").fill("there.npy");
    const there = () => readFileSync(join(folder, "there.npy"));
    const before = readFileSync(join(folder, "row.npy"));
    writeFileSync(join(folder, "there.npy"), before);
    await part(page, IMAGE, "save-start").click();
    await part(page, IMAGE, "save-replace").waitFor();
    await screenshot(page, "3_asks");
    expect(there().equals(before), "it was replaced unasked");
    await part(page, IMAGE, "save-replace").click();
    await until("the save", () => !there().equals(before));
    return `${there().length} bytes`;
  });
}

async function reloaded(page, server) {
  await check("the picture in the notebook follows the viewer after a reload of the page", async () => {
    await page.evaluate(() => globalThis.jupyterapp.commands.execute("docmanager:save"));
    await openNotebook(page, server, NOTEBOOK);
    await drawn(page, IMAGE);
    const before = await held(page, IMAGE);
    await part(page, IMAGE, "levels-colormap").selectOption("diverging_dark");
    const after = await until("a new picture", async () => {
      const now = await held(page, IMAGE);
      return now.png !== before.png && now;
    });
    expect(after.html.includes(after.png), "the page's picture is another one than the PNG");
    writeFileSync(join(SCREENSHOTS, "maps_figure_after_reload.png"), Buffer.from(after.png, "base64"));
    await screenshot(page, "4_reloaded");
    await page.evaluate(() => globalThis.jupyterapp.commands.execute("docmanager:save"));
    await until("the saved notebook", () => readFileSync(join(folder, NOTEBOOK), "utf8").includes(after.png.slice(0, 400)));
    return `${after.png.length} characters`;
  });
}

async function limits(page) {
  await check("colour limits of an image that is not shown follow the parameters, in the figure too", async () => {
    // Without the moment it was drawn.
    const alt = async () => (await held(page, IMAGE)).alt.split(" Drawn ")[0];
    const reachIn = (text) => Number(/Δx, -[\d.]+ to ([\d.]+) px/.exec(text)?.[1]);
    for (const name of ["dx", "dy"]) {
      await part(page, IMAGE, `component-${name}`).click();
      await page.waitForTimeout(700);
    }
    const before = await alt();
    await part(page, IMAGE, "parameter-reference-value").selectOption("mean");
    const after = await until("a new figure", async () => {
      const now = await alt();
      return now !== before && !now.includes("computed") && now;
    });
    await part(page, IMAGE, "component-dx").click();
    const sorted = (await drawn(page, IMAGE)).samples.toSorted((a, b) => a - b);
    await screenshot(page, "5_limits");
    const reach = Math.max(...[0.01, 0.99].map((share) => Math.abs(sorted[Math.floor((sorted.length - 1) * share)])));
    expect(Math.abs(reachIn(before) - reach) > 0.1 * reach, `${before} has the limits of other parameters`);
    expect(Math.abs(reachIn(after) - reach) < 0.01 * reach, `${after} for ${reach}`);
    return `${reachIn(before)} px, then ${reachIn(after)} px`;
  });
}

async function narrow(page) {
  await check("three panes at 320 px overlap nowhere, light and dark", async () => {
    await page.evaluate(() => globalThis.jupyterapp.commands.execute("application:toggle-left-area"));
    // The whole of it is looked at.
    await page.setViewportSize({ width: 1440, height: 2600 });
    await showCell(page, IMAGE);
    const viewer = part(page, IMAGE, "viewer");
    for (const name of ["row", "saved"]) {
      await viewer.locator(`[data-st="compare-node-${name}"]`).click();
    }
    const found = [];
    for (const theme of ["JupyterLab Light", "JupyterLab Dark"]) {
      await page.evaluate((name) => globalThis.jupyterapp.commands.execute("apputils:change-theme", { theme: name }), theme);
      await viewer.evaluate((element) => {
        element.parentElement.style.width = "320px";
      });
      await page.waitForTimeout(1200);
      await viewer.screenshot({ path: join(SCREENSHOTS, `maps_320_${theme.split(" ")[1].toLowerCase()}.png`) });
      found.push(...(await viewer.evaluate(overlaps)));
    }
    expect(found.length === 0, found.join("; "));
    return `${await viewer.locator(".st-pane").count()} panes`;
  });
}

/** Controls and texts of the viewer that lie over each other or beyond its edge. */
function overlaps(root) {
  const seen = [...root.querySelectorAll("button, input, select, .st-readout, .st-title, [role=tab], .st-surface, .st-level-units")].filter(
    (element) => element.checkVisibility({ visibilityProperty: true }) && element.getBoundingClientRect().width > 0,
  );
  const name = (element) => element.dataset.st ?? element.className;
  const outer = root.getBoundingClientRect();
  const found = [];
  for (const [i, one] of seen.entries()) {
    const a = one.getBoundingClientRect();
    if (a.right > outer.right + 1 || a.left < outer.left - 1) {
      const scrolls = one.closest("[role=tablist], .st-panel-tree");
      if (!scrolls) {
        found.push(`${name(one)} is cut`);
      }
    }
    for (const other of seen.slice(i + 1)) {
      if (one.contains(other) || other.contains(one) || one.closest(".st-surface") || other.closest(".st-surface")) {
        continue;
      }
      const b = other.getBoundingClientRect();
      const [across, down] = [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
      if (across > 2 && down > 2) {
        found.push(`${name(one)} lies on ${name(other)}`);
      }
    }
  }
  return found;
}

const code = CELLS.map((source, number) => ({ cell_type: "code", id: `cell-${number}`, metadata: {}, execution_count: null, outputs: [], source }));
const kernelspec = { name: "signaltree", display_name: "SignalTree (Rust)", language: "rust" };
writeFileSync(join(folder, NOTEBOOK), JSON.stringify({ cells: code, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }));
for (const [name, scan] of Object.entries(SCANS)) {
  write(name, scan);
}
const server = await startServer(jupyter, folder);
const browser = await launch();
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
  await openNotebook(page, server, NOTEBOOK);
  await lines(page);
  await vectors(page);
  await savedAgain(page);
  await asks(page);
  await reloaded(page, server);
  await limits(page);
  await narrow(page);
} finally {
  await browser.close();
  await server.stop();
}
process.exit(verdict());
