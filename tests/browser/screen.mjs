// What is drawn is what was computed, and nothing is rebuilt under the hands: in real JupyterLab in headless
// Chromium, after each order of mount, cache hit, toggle, completion, hide, show, save and reload.
// Usage: CHROMIUM=… node screen.mjs JUPYTER FOLDER SAMPLE (FOLDER holds the sample).

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { check, expect, launch, SCREENSHOTS, verdict } from "./chromium.mjs";
import { kernelIdle, openNotebook, runCell, showCell, startServer } from "./jupyterlab.mjs";
import { compare, samples } from "./pixels.mjs";

const [jupyter, folder, sample] = process.argv.slice(2);
const NOTEBOOK = "screen.ipynb";
const TILTED = "tilted.npy";
/** `(tilt, y, x | ky, kx)`. */
const TILTED_SHAPE = [3, 8, 9, 10, 12];
/** Peaks that take some milliseconds each, so that a map of them is not there before anything can be done. */
const slowPeaks = (size) =>
  `let dots = scan.subtract_background(MedianKernel { footprint: ${size}, ..default() })?.find_peaks(DifferenceOfGaussiansPeaks::default())?;`;
const CELLS = [
  `let scan = open("${sample}")?;`,
  "let flat = scan.subtract_background(RadialMedian::default())?;",
  "let peaks = flat.find_peaks(NormalizedCorrelation::default())?;",
  "let strain = peaks.strain_map(StrainMap { reference: Region::rectangle(0, 0, 16, 16), ..default() })?;\nstrain",
  `${slowPeaks(19)}\nlet other = dots.strain_map(StrainMap { reference: Region::rectangle(20, 4, 12, 9), ..default() })?;\nother`,
  `${slowPeaks(21)}\nlet third = dots.strain_map(StrainMap { reference: Region::rectangle(30, 20, 10, 14), ..default() })?;\nthird`,
  `let tilted = open("${TILTED}")?;\ntilted`,
  'strain.save("strain.npy")?;',
  `${slowPeaks(23)}\nlet stopped = dots.strain_map(StrainMap { reference: Region::rectangle(2, 30, 14, 9), ..default() })?;\nstopped`,
  // Somebody types here.
  "",
];
const [STRAIN, OTHER, THIRD, TILT, SAVE, STOPPED, TYPED] = [3, 4, 5, 6, 7, 8, 9];
const MAP_MS = 180_000;

/** A value that tells its position, so that no two axes can be swapped. */
const tiltedPixel = (tilt, y, x, ky, kx) => tilt * 9000 + y * 700 + x * 60 + ky * 5 + (kx % 4);

function writeTilted() {
  const [tilts, ny, nx, rows, columns] = TILTED_SHAPE;
  const header = `{'descr': '<u2', 'fortran_order': False, 'shape': (${TILTED_SHAPE.join(", ")}), }`.padEnd(117);
  const start = Buffer.from(`\x93NUMPY\x01\x00v\x00${header}\n`, "latin1");
  const pixels = new Uint16Array(TILTED_SHAPE.reduce((size, axis) => size * axis));
  let at = 0;
  for (let tilt = 0; tilt < tilts; tilt += 1) {
    for (let y = 0; y < ny; y += 1) {
      for (let x = 0; x < nx; x += 1) {
        for (let ky = 0; ky < rows; ky += 1) {
          for (let kx = 0; kx < columns; kx += 1) {
            pixels[at++] = tiltedPixel(tilt, y, x, ky, kx);
          }
        }
      }
    }
  }
  writeFileSync(join(folder, TILTED), Buffer.concat([start, Buffer.from(pixels.buffer)]));
}

function writeNotebook() {
  const code = CELLS.map((source, number) => ({
    cell_type: "code",
    id: `cell-${number}`,
    metadata: {},
    execution_count: null,
    outputs: [],
    source,
  }));
  // Room to scroll the pictures out of sight.
  const lines = Array.from({ length: 60 }, (_, line) => `line ${line}\n\n`);
  const text = { cell_type: "markdown", id: "room", metadata: {}, source: lines };
  const kernelspec = { name: "signaltree", display_name: "SignalTree (Rust)", language: "rust" };
  const notebook = { cells: [...code, text], metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 };
  writeFileSync(join(folder, NOTEBOOK), JSON.stringify(notebook));
}

const cell = (page, index) => page.locator(`.jp-Notebook [data-windowed-list-index="${index}"]`);
const part = (page, index, name) => cell(page, index).locator(`[data-st="${name}"]`);
const picture = (page, index) => cell(page, index).locator('.st-pane [data-st="signal-canvas"]').first();
const command = (page, name) => page.evaluate((id) => globalThis.jupyterapp.commands.execute(id), name);
const screenshot = (page, name) => page.screenshot({ path: join(SCREENSHOTS, `screen_${name}.png`) });

/** The model that the output of a cell shows, and the picture it holds for readers without a kernel. */
const output = (page, index) =>
  page.evaluate((at) => {
    const { outputs } = globalThis.jupyterapp.shell.currentWidget.content.model.cells.get(at).toJSON();
    const data = outputs.find((each) => each.data?.["application/vnd.jupyter.widget-view+json"])?.data;
    return data && { model: data["application/vnd.jupyter.widget-view+json"].model_id, png: data["image/png"] };
  }, index);

/** What the viewer of a cell shows: node, image, position, levels, colours. */
async function shown(page, index, viewer = part(page, index, "viewer")) {
  const state = await viewer.evaluate((element) => {
    const { node: id, nodes, component, position, levels, contrast, view } = element.__signaltree_state();
    const node = nodes.find((each) => each.id === id);
    const reply = view.picture?.reply;
    const isMap = node?.kind === "map";
    const kind = !isMap ? "signal" : node.components[component].display.type === "diverging" ? "diverging" : "map";
    return {
      node,
      component: isMap ? component : 0,
      position,
      levels: levels[isMap ? `${id}.${component}` : String(id)],
      contrast: contrast[kind],
      drawn: reply && {
        node: reply.node,
        component: reply.component,
        index: reply.index,
        exact: reply.exact,
        part: reply.part,
      },
    };
  });
  const { model } = await output(page, index);
  return { ...state, model };
}

/** Waits until the picture of what is selected is there and final. */
async function settled(page, index, what) {
  for (const end = Date.now() + MAP_MS; Date.now() < end; await page.waitForTimeout(100)) {
    const { node, component, position, drawn, levels } = await shown(page, index);
    const map = node?.kind === "map";
    const place = map || drawn?.index.join() === position.join();
    if (levels && drawn?.node === node.id && drawn.component === component && place && drawn.exact) {
      // The picture is drawn with the next frame of the browser.
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      return;
    }
  }
  throw new Error(`${what}: the picture never came: ${JSON.stringify(await shown(page, index))}`);
}

/** The picture of a cell has the colours of what the kernel has, wherever no mark lies. */
async function same(page, index, what) {
  await showCell(page, index);
  await picture(page, index).waitFor({ timeout: 30_000 });
  await settled(page, index, what);
  return alike(page, index, part(page, index, "viewer"), what);
}

async function alike(page, index, viewer, what) {
  const { model, node, component, position, levels, contrast, drawn } = await shown(page, index, viewer);
  expect(contrast.gamma === 1 && !contrast.log, `${what}: contrast ${JSON.stringify(contrast)}`);
  const { reply, data } = await samples(page, model, request(node.id, position, component));
  const raw = { data, type: reply.sample, width: reply.width, height: reply.height, part: drawn.part };
  const canvas = viewer.locator('.st-pane [data-st="signal-canvas"]').first();
  const found = await compare(page, canvas, raw, { ...levels, colormap: contrast.colormap }, what);
  return `${node.name}${node.components.length > 1 ? ` ${node.components[component].name}` : ""}: ${found.compared} pixels`;
}

const request = (node, index, component) => ({
  type: "frame",
  node,
  index,
  component,
  size_px: [4096, 4096],
  detail: "settled",
});

/** How much of the map of a cell the page has drawn. */
const complete = (page, index) =>
  part(page, index, "viewer").evaluate((element) => element.__signaltree_state().view.picture?.reply.complete ?? 0);

/** Waits until the output of a cell holds another picture than `before`: the kernel has replaced it. */
async function replaced(page, index, before) {
  for (const end = Date.now() + 60_000; Date.now() < end; await page.waitForTimeout(100)) {
    if ((await output(page, index)).png !== before) {
      // The notebook builds its view after that.
      await page.waitForTimeout(300);
      return;
    }
  }
  throw new Error("the output kept the picture of the unfinished map");
}

async function untouched(page) {
  await check("a map that nobody touches shows what was computed", async () => {
    for (let index = 0; index <= STRAIN; index += 1) {
      await runCell(page, index);
    }
    const before = await output(page, STRAIN);
    await showCell(page, STRAIN);
    await settled(page, STRAIN, "strain");
    await replaced(page, STRAIN, before.png);
    const text = await same(page, STRAIN, "after completion");
    await screenshot(page, "1_untouched");
    return text;
  });
}

async function underTheHands(page) {
  await check("a dialog, its text and its focus survive the completion of the map", async () => {
    await runCell(page, OTHER);
    const before = await output(page, OTHER);
    await showCell(page, OTHER);
    await picture(page, OTHER).waitFor();
    await part(page, OTHER, "save").click();
    const field = part(page, OTHER, "save-path");
    const handle = await field.elementHandle();
    await field.fill("my ");
    expect((await complete(page, OTHER)) < 1, "the map was complete before anything was typed");
    await replaced(page, OTHER, before.png);
    expect((await complete(page, OTHER)) === 1, "the output was replaced before the map was complete");
    // No click, no focus: what is typed goes on where it was.
    await page.keyboard.type("result.zspy");
    expect(await handle.evaluate((element) => element.isConnected), "the dialog was built anew");
    expect((await field.inputValue()) === "my result.zspy", `the field holds "${await field.inputValue()}"`);
    await screenshot(page, "2_dialog");
    await page.keyboard.press("Escape");
    expect((await part(page, OTHER, "save-dialog").count()) === 0, "Escape did not close the dialog");
    const focused = await page.evaluate(() => document.activeElement?.getAttribute("data-st"));
    expect(focused === "save", `the focus is on ${focused}`);
    return same(page, OTHER, "after the dialog");
  });
}

/** What the notebook does for a new picture in an output: it builds the view of the output anew. */
async function rebuild(page, index) {
  await page.evaluate((at) => {
    const { outputs } = globalThis.jupyterapp.shell.currentWidget.content.model.cells.get(at);
    for (let each = 0; each < outputs.length; each += 1) {
      const output = outputs.get(each).toJSON();
      if (output.data?.["application/vnd.jupyter.widget-view+json"]) {
        outputs.set(each, output);
      }
    }
  }, index);
  await page.waitForTimeout(150);
}

async function held(page) {
  await check("drags, sliders, scrolling and the keyboard survive an output that is built anew", async () => {
    await showCell(page, OTHER);
    const viewer = await part(page, OTHER, "viewer").elementHandle();
    const position = async () => (await shown(page, OTHER)).position;
    const canvas = part(page, OTHER, "navigator-canvas");
    await canvas.scrollIntoViewIfNeeded();
    const box = await canvas.boundingBox();
    const at = (x, y) => [box.x + box.width * x, box.y + box.height * y];
    await page.mouse.move(...at(0.3, 0.3));
    await page.mouse.down();
    await page.mouse.move(...at(0.4, 0.4));
    await rebuild(page, OTHER);
    const before = await position();
    // Past the rim of the canvas: the pointer is still captured.
    await page.mouse.move(...at(0.7, 1.2));
    await page.waitForTimeout(100);
    const dragged = await position();
    expect(dragged[1] > before[1] && dragged[0] > before[0], `the drag stopped at ${before}: ${dragged}`);
    await page.mouse.up();
    await page.mouse.move(...at(0.1, 0.1));
    expect((await position()).join() === dragged.join(), "the pointer is still held");
    const focused = await page.evaluate(() => document.activeElement?.getAttribute("data-st"));
    expect(focused === "navigator-canvas", `the focus is on ${focused}`);

    const slider = part(page, OTHER, "parameter-rotation_deg-slider");
    await slider.scrollIntoViewIfNeeded();
    const track = await slider.boundingBox();
    const along = (share) => [track.x + track.width * share, track.y + track.height / 2];
    await page.mouse.move(...along(0.5));
    await page.mouse.down();
    await page.mouse.move(...along(0.6));
    await rebuild(page, OTHER);
    await page.mouse.up();
    await page.waitForFunction(
      ([element]) => {
        const { nodes, node } = element.__signaltree_state();
        return nodes.find(({ id }) => id === node).params.rotation_deg !== 0;
      },
      [viewer],
      { timeout: 10_000 },
    );
    await part(page, OTHER, "parameters-undo").click();
    await settled(page, OTHER, "undone");

    const tree = part(page, OTHER, "tree");
    // As in a tree of many nodes.
    await tree.evaluate((list) => (list.style.maxHeight = "60px"));
    await page.waitForTimeout(100);
    const scroll = await tree.evaluate((list) => (list.scrollTop = 20));
    await page.waitForTimeout(100);
    for (let time = 0; time < 3; time += 1) {
      await rebuild(page, OTHER);
    }
    const after = await tree.evaluate((list) => {
      const { scrollTop } = list;
      list.style.maxHeight = "";
      return scrollTop;
    });
    expect(scroll > 0 && after === scroll, `the tree was scrolled by ${scroll} px, now by ${after}`);
    expect(await viewer.evaluate((element) => element.isConnected), "the viewer was built anew");
    expect((await part(page, OTHER, "viewer").count()) === 1, "there is more than one viewer");
    return same(page, OTHER, "after all of it");
  });
}

async function toggled(page) {
  const images = ["e_yy", "theta", "coverage", "e_xx"];
  await check("images of the map, from the kernel and from the cache", async () => {
    const texts = [];
    for (const name of images) {
      await part(page, STRAIN, `component-${name}`).click();
      texts.push(await same(page, STRAIN, name));
    }
    return texts.join(", ");
  });
  await check("nodes of the tree, and back", async () => {
    const texts = [];
    for (const name of ["scan", "flat", "peaks", "strain", "scan", "strain"]) {
      await part(page, STRAIN, `tree-node-${name}`).click();
      texts.push(await same(page, STRAIN, name));
    }
    return texts.join(", ");
  });
}

async function hidden(page) {
  await check("a map that was scrolled away while it was computed", async () => {
    await runCell(page, THIRD);
    const before = await output(page, THIRD);
    await showCell(page, THIRD);
    await picture(page, THIRD).waitFor();
    expect((await complete(page, THIRD)) < 1, "the map was complete before it was scrolled away");
    await showCell(page, CELLS.length);
    await page.waitForTimeout(1500);
    await showCell(page, THIRD);
    await settled(page, THIRD, "third");
    await replaced(page, THIRD, before.png);
    return same(page, THIRD, "shown again");
  });
  await check("pictures that were scrolled away after their completion", async () => {
    await showCell(page, CELLS.length);
    await page.waitForTimeout(800);
    return [await same(page, STRAIN, "strain again"), await same(page, OTHER, "other again")].join(", ");
  });
}

async function cancelled(page) {
  await check("a map that was cancelled rests until somebody goes on with it", async () => {
    await runCell(page, STOPPED);
    await showCell(page, STOPPED);
    const progress = () =>
      part(page, STOPPED, "viewer").evaluate((element) => {
        const { nodes, node: id } = element.__signaltree_state();
        return nodes.find((each) => each.id === id).progress;
      });
    const becomes = async (state) => {
      for (const end = Date.now() + 20_000; (await progress())?.state !== state; await page.waitForTimeout(50)) {
        expect(Date.now() < end, `it is never ${state}: ${JSON.stringify(await progress())}`);
      }
    };
    const rests = async (when) => {
      const now = await progress();
      expect(now?.state === "cancelled", `${when}: ${JSON.stringify(now)}`);
    };
    await part(page, STOPPED, "status-cancel").click();
    await becomes("cancelled");
    const { done } = await progress();
    // Whatever is seen changes the picture of the output, which is drawn when the viewer has rested for a second.
    await part(page, STOPPED, "navigator-canvas").click({ position: { x: 30, y: 30 } });
    await page.waitForTimeout(500);
    await rests("after a click");
    await showCell(page, CELLS.length);
    await page.waitForTimeout(2500);
    await showCell(page, STOPPED);
    await page.waitForTimeout(1000);
    await rests("after it was scrolled away and back");
    expect((await progress()).done === done, "more of it was computed");
    await part(page, STOPPED, "status-compute").click();
    await becomes("running");
    await part(page, STOPPED, "status-cancel").click();
    await becomes("cancelled");
    return `${done} positions were there`;
  });
}

async function completed(page) {
  await check("Tab offers the plain call first, and signals where one comes before the parameters", async () => {
    await showCell(page, TYPED);
    await cell(page, TYPED).locator(".cm-content").click();
    const offered = async (typed) => {
      await page.keyboard.type(typed);
      await page.keyboard.press("Tab");
      const items = page.locator(".jp-Completer-item");
      await items.first().waitFor({ timeout: 10_000 });
      const all = await items.evaluateAll((found) => found.map((item) => item.dataset.value));
      await screenshot(page, `6_tab_${typed.endsWith("(") ? "signals" : "calls"}`);
      await page.keyboard.press("Escape");
      return all;
    };
    const calls = await offered("scan.find_");
    expect(calls.join() === "find_peaks,find_peaks_with(", `calls: ${calls}`);
    const signals = await offered("peaks_with(");
    expect(signals.includes("&scan") && signals.every((text) => text.startsWith("&")), `signals: ${signals}`);
    return `${signals.length} signals`;
  });
}

async function enlarged(page) {
  await check("zoomed, over the whole page, and with levels that were typed", async () => {
    await showCell(page, STRAIN);
    const texts = [];
    const high = part(page, STRAIN, "levels-high-value");
    await high.fill("0.03");
    await high.press("Enter");
    const low = part(page, STRAIN, "levels-low-value");
    // The page draws what was typed with its next picture.
    for (let tries = 0; (await low.inputValue()) !== "\u22120.03"; tries += 1) {
      expect(tries < 100, `zero is not in the middle: ${await low.inputValue()} to ${await high.inputValue()}`);
      await page.waitForTimeout(20);
    }
    texts.push(await same(page, STRAIN, "levels"));
    const canvas = picture(page, STRAIN);
    await canvas.focus();
    await page.keyboard.press("+");
    await page.keyboard.press("+");
    texts.push(await same(page, STRAIN, "zoomed"));
    await canvas.focus();
    await page.keyboard.press("0");
    await page.keyboard.press("f");
    const stage = page.locator(".st-stage");
    await stage.waitFor();
    await page.waitForTimeout(300);
    texts.push(await alike(page, STRAIN, stage.locator('[data-st="viewer"]'), "over the whole page"));
    await screenshot(page, "3_maximised");
    await stage.locator('[data-st="signal-canvas"]').first().focus();
    await page.keyboard.press("Escape");
    await stage.waitFor({ state: "detached" });
    texts.push(await same(page, STRAIN, "back in the notebook"));
    return texts.join(", ");
  });
}

async function outerAxes(page) {
  await check("a slider and keys reach every position of three navigation axes", async () => {
    await runCell(page, TILT);
    await showCell(page, TILT);
    const texts = [await same(page, TILT, "tilted")];
    const slider = part(page, TILT, "outer-axes").locator('input[type="range"]');
    await slider.focus();
    await page.keyboard.press("End");
    texts.push(await same(page, TILT, "the last tilt"));
    await picture(page, TILT).focus();
    await page.keyboard.press("PageUp");
    await page.keyboard.press("Home");
    await same(page, TILT, "the tilt before it");
    const { position, model, node } = await shown(page, TILT);
    expect(position[0] === 1 && position[2] === 0, `position ${position}`);
    const { data } = await samples(page, model, request(node.id, position, 0));
    const pixels = new Uint16Array(Uint8Array.from(Buffer.from(data, "base64")).buffer);
    const [, , , rows, columns] = TILTED_SHAPE;
    const [tilt, y, x] = position;
    const wrong = pixels.findIndex(
      (value, at) => value !== tiltedPixel(tilt, y, x, Math.floor(at / columns) % rows, at % columns),
    );
    expect(wrong < 0, `pixel ${wrong} of the frame at ${position} is ${pixels[wrong]}`);
    // The navigation image is that of the tilt: the mean of each of its frames.
    const seen = await part(page, TILT, "viewer").evaluate((element) => {
      const { navigator } = element.__signaltree_state().view;
      return { outer: navigator.reply.outer, samples: [...navigator.samples] };
    });
    const flat = Array.from({ length: rows * columns }, (_, at) => [Math.floor(at / columns), at % columns]);
    const mean = (row, column) =>
      flat.reduce((sum, [ky, kx]) => sum + tiltedPixel(tilt, row, column, ky, kx), 0) / flat.length;
    expect(seen.outer.join() === "1", `the navigation image is that of ${seen.outer}`);
    const far = seen.samples.findIndex(
      (value, at) => Math.abs(value - mean(Math.floor(at / TILTED_SHAPE[2]), at % TILTED_SHAPE[2])) > 0.01,
    );
    expect(far < 0, `the navigation image is ${seen.samples[far]} at ${far}`);
    return texts.join(", ");
  });
}

async function saved(page) {
  await check("after saving the map and the notebook", async () => {
    await runCell(page, SAVE);
    const file = readFileSync(join(folder, "strain.npy"));
    const start = 10 + file.readUInt16LE(8);
    const values = new Float32Array(Uint8Array.from(file.subarray(start)).buffer);
    const { node, model, position } = await shown(page, STRAIN);
    const { data, reply } = await samples(page, model, request(node.id, position, 0));
    const computed = new Float32Array(Uint8Array.from(Buffer.from(data, "base64")).buffer);
    const count = reply.width * reply.height;
    const wrong = computed.findIndex((value, at) => !Object.is(value, values[at]));
    expect(wrong < 0 && values.length === count * node.components.length, `the file differs at ${wrong}`);
    await command(page, "docmanager:save");
    await page.waitForTimeout(500);
    return same(page, STRAIN, "after saving");
  });
}

async function reloaded(page, server) {
  await check("after a reload of the page, untouched", async () => {
    await openNotebook(page, server, NOTEBOOK);
    const texts = [];
    for (const index of [STRAIN, OTHER, THIRD, TILT]) {
      texts.push(await same(page, index, `cell ${index}`));
    }
    await screenshot(page, "4_reloaded");
    return texts.join(", ");
  });
}

/** Nothing of the viewer reaches over its rim, or is cut off by one. */
const clipped = (page, index) =>
  part(page, index, "viewer").evaluate((root) => {
    const rim = root.getBoundingClientRect();
    const found = [];
    for (const element of root.querySelectorAll("button, input, select, canvas, img, h4, .st-readout, .st-title")) {
      const box = element.getBoundingClientRect();
      if (box.width > 0 && (box.left < rim.left - 1 || box.right > rim.right + 1)) {
        found.push(element.getAttribute("data-st") ?? element.className);
      }
    }
    const output = root.closest(".jp-OutputArea-output") ?? root.parentElement;
    if (output.scrollWidth > output.clientWidth + 1) {
      found.push(`the output is ${output.scrollWidth - output.clientWidth} px too narrow`);
    }
    return found;
  });

/** Numbers that are wider than their fields. */
const cutOff = (page, index) =>
  part(page, index, "viewer").evaluate((root) => {
    const pen = document.createElement("canvas").getContext("2d");
    const fields = [...root.querySelectorAll('input[type="number"]')].filter((field) => field.checkVisibility());
    return fields.flatMap((field) => {
      const style = getComputedStyle(field);
      pen.font = style.font;
      const room = field.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
      const text = field.value || field.placeholder;
      return pen.measureText(text).width > room ? [`${field.dataset.st} ${text}`] : [];
    });
  });

async function numbers(page) {
  await check("numbers have room in their fields, and a peak tells what is known of it", async () => {
    await command(page, "application:toggle-left-area").catch(() => {});
    await showCell(page, STRAIN);
    await part(page, STRAIN, "tree-node-peaks").click();
    await settled(page, STRAIN, "peaks");
    for (const pictures of [1, 2]) {
      if (pictures > 1) {
        await part(page, STRAIN, "tree-node-scan").click({ modifiers: ["Control"] });
      }
      for (const width of [1440, 1400, 1150, 900, 480]) {
        await page.setViewportSize({ width, height: 1000 });
        await page.waitForTimeout(300);
        await showCell(page, STRAIN);
        const found = await cutOff(page, STRAIN);
        expect(found.length === 0, `${pictures} pictures at ${width} px: ${found.join(", ")}`);
      }
      await page.setViewportSize({ width: 1440, height: 1000 });
      await page.waitForTimeout(300);
    }
    await part(page, STRAIN, "pane-close").last().click();
    await page.waitForTimeout(300);
    const canvas = picture(page, STRAIN);
    await canvas.scrollIntoViewIfNeeded();
    const box = await canvas.boundingBox();
    const [[ky, kx], { width, height }] = await part(page, STRAIN, "viewer").evaluate((element) => {
      const { peaks, reply } = element.__signaltree_state().view.picture;
      return [[...peaks[1]], { width: reply.full_width, height: reply.full_height }];
    });
    const scale = Math.min(box.width / width, box.height / height);
    await page.mouse.move(
      box.x + box.width / 2 + (kx + 0.5 - width / 2) * scale,
      box.y + box.height / 2 + (ky + 0.5 - height / 2) * scale,
    );
    const text = await part(page, STRAIN, "signal-readout").first().textContent();
    const form = /^ky [\d.]+ ± [\d.]+, kx [\d.]+ ± [\d.]+ px · misfit [\d.]+ · score [\d.]+ · spread \u2212?[\d.e-]+ px²$/;
    expect(form.test(text), `the peak says "${text}"`);
    await screenshot(page, "7_peak");
    await part(page, STRAIN, "tree-node-strain").click();
    return text;
  });
}

async function narrow(page) {
  await check("nothing is clipped at any width, with one picture and with three", async () => {
    const texts = [];
    await showCell(page, STRAIN);
    for (const pictures of [1, 3]) {
      if (pictures > 1) {
        for (const name of ["flat", "scan"]) {
          await part(page, STRAIN, `tree-node-${name}`).click({ modifiers: ["Control"] });
        }
        await page.waitForTimeout(300);
      }
      for (const width of [1440, 900, 480, 400]) {
        await page.setViewportSize({ width, height: 1000 });
        await page.waitForTimeout(300);
        await showCell(page, STRAIN);
        const found = await clipped(page, STRAIN);
        const size = await part(page, STRAIN, "viewer").evaluate((root) => Math.round(root.clientWidth));
        expect(found.length === 0, `${pictures} pictures in ${size} px: ${found.join(", ")}`);
        await screenshot(page, `5_${pictures}_at_${width}`);
        texts.push(`${size} px`);
      }
      await page.setViewportSize({ width: 1440, height: 1000 });
    }
    texts.push(await same(page, STRAIN, "three pictures"));
    return texts.join(", ");
  });
}

const browser = await launch();
writeNotebook();
writeTilted();
const server = await startServer(jupyter, folder);
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error.message)));
  await openNotebook(page, server, `${NOTEBOOK}?reset`);
  await kernelIdle(page);
  await untouched(page);
  await underTheHands(page);
  await held(page);
  await toggled(page);
  await hidden(page);
  await cancelled(page);
  await completed(page);
  await enlarged(page);
  await outerAxes(page);
  await saved(page);
  await reloaded(page, server);
  await numbers(page);
  await narrow(page);
  await check("no uncaught error in the page", () => {
    const ours = complaints.filter((text) => !/ResizeObserver loop/.test(text));
    expect(ours.length === 0, ours.join(" | "));
  });
  if (verdict() !== 0) {
    await screenshot(page, "failed").catch(() => {});
  }
} finally {
  await browser.close();
  await server.stop();
}
process.exit(verdict());
