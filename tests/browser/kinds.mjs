// Parameters that are files, pairs and places: a mask that is chosen and read again, a sector that is typed, a centre that is
// dragged on the pattern. In real JupyterLab in headless Chromium.
// Usage: CHROMIUM=… node kinds.mjs JUPYTER FOLDER (FOLDER is empty).

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { check, expect, launch, SCREENSHOTS, verdict } from "./chromium.mjs";
import { kernelIdle, openNotebook, runCell, showCell, startServer } from "./jupyterlab.mjs";

const [jupyter, folder] = process.argv.slice(2);
const NOTEBOOK = "kinds.ipynb";
const [SCAN_ROWS, SCAN_COLUMNS, ROWS, COLUMNS] = [12, 16, 40, 50];
const CELLS = [
  `let scan = open("scan.npy")?;
let masked = scan.mask_pixels(MaskPixels { file: Some("masks/dead.npy".into()), ..default() })?;
masked`,
  `let profile = scan.azimuthal_integral(AzimuthalIntegral { centre: Some([19.0, 24.0]), npt: Some(20), ..default() })?;
profile`,
];

function write(name, dtype, shape, pixels) {
  const header = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`.padEnd(117);
  const data = Buffer.from(pixels.buffer);
  writeFileSync(join(folder, name), Buffer.concat([Buffer.from(`\x93NUMPY\x01\x00v\x00${header}\n`, "latin1"), data]));
}

/** A direct beam on a background that falls, with more to the right. */
function files() {
  const size = ROWS * COLUMNS;
  const scan = new Uint16Array(SCAN_ROWS * SCAN_COLUMNS * size);
  scan.forEach((_, at) => {
    const [y, x] = [Math.floor((at % size) / COLUMNS) - 19, (at % COLUMNS) - 24];
    const distance = Math.hypot(y, x);
    scan[at] = (distance < 4 ? 900 : 400 * Math.exp(-distance / 9)) + (x > 8 && Math.abs(y) < 4 ? 200 : 0);
  });
  write("scan.npy", "<u2", [SCAN_ROWS, SCAN_COLUMNS, ROWS, COLUMNS], scan);
  mkdirSync(join(folder, "masks"));
  writeMask("dead", [5, 6]);
  writeMask("stop", [19, 24]);
}

/** A mask of a square of 5 × 5 pixels. */
function writeMask(name, [row, column]) {
  const mask = new Uint8Array(ROWS * COLUMNS);
  for (let at = 0; at < 25; at += 1) {
    mask[(row - 2 + Math.floor(at / 5)) * COLUMNS + column - 2 + (at % 5)] = 1;
  }
  write(`masks/${name}.npy`, "|u1", [ROWS, COLUMNS], mask);
}

let cell = 0;
const part = (page, name) => page.locator(`.jp-Notebook [data-windowed-list-index="${cell}"] [data-st="${name}"]`);
const screenshot = (page, name) => page.screenshot({ path: join(SCREENSHOTS, `kinds_${name}.png`) });

const shown = (page) =>
  part(page, "viewer").evaluate((element) => {
    const { nodes, node, view } = element.__signaltree_state();
    const { picture } = view;
    return {
      node: nodes.find((each) => each.id === node),
      draft: picture?.reply.draft,
      drawn: picture?.reply.node,
      revision: picture?.reply.revision,
      values: picture && [...picture.samples],
    };
  });

async function until(page, what, holds, ms = 20_000) {
  let state;
  for (const end = Date.now() + ms; Date.now() < end; await page.waitForTimeout(100)) {
    state = await shown(page);
    if (state.drawn === state.node?.id && !state.draft && holds(state)) {
      return state;
    }
  }
  throw new Error(`${what} did not happen: ${JSON.stringify({ ...state, values: undefined, node: state?.node?.params })}`);
}

const isMasked = ({ values }, row, column) => Number.isNaN(values[row * COLUMNS + column]);

async function typed(page, name, text) {
  await part(page, name).fill(text);
  await part(page, name).press("Enter");
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
  await check("a mask from a file takes the value from its pixels", async () => {
    await until(page, "the masked pattern", (state) => isMasked(state, 5, 6) && !isMasked(state, 19, 24));
    expect((await part(page, "parameter-file-value").inputValue()) === "masks/dead.npy", "the control");
    await page.waitForTimeout(300);
    await screenshot(page, "1_mask");
  });
  await check("another file is offered while its path is typed, and taken", async () => {
    await part(page, "parameter-file-value").fill("masks/s");
    const offered = page.locator('datalist option[value="masks/stop.npy"]');
    await offered.first().waitFor({ state: "attached" });
    await typed(page, "parameter-file-value", "masks/stop.npy");
    const { node } = await until(page, "the other mask", (state) => isMasked(state, 19, 24) && !isMasked(state, 5, 6));
    expect(node.code.includes('MaskPixels { file: Some("masks/stop.npy".into()), ..default() }'), node.code);
    await page.waitForTimeout(300);
    await screenshot(page, "2_other_mask");
  });
  await check("a file that was changed is read again when it is asked for", async () => {
    writeMask("stop", [30, 40]);
    await part(page, "parameter-file-again").click();
    await until(page, "the changed mask", (state) => isMasked(state, 30, 40) && !isMasked(state, 19, 24));
  });
  await check("a file that is not there is refused in words, and the mask stays", async () => {
    await typed(page, "parameter-file-value", "masks/none.npy");
    await page.getByText(/masks\/none\.npy/).first().waitFor();
    await page.waitForTimeout(300);
    await screenshot(page, "3_refused");
    await until(page, "the mask as it was", (state) => isMasked(state, 30, 40));
  });
  await check("a sector is typed as two numbers", async () => {
    await runCell(page, 1);
    await kernelIdle(page);
    cell = 1;
    await showCell(page, 1);
    await part(page, "viewer").waitFor();
    const all = await until(page, "the profile", ({ node }) => node.name === "profile");
    await part(page, "parameter-sector-auto").click();
    await part(page, "parameter-sector-from").fill("-20");
    await typed(page, "parameter-sector-to", "20");
    const some = await until(page, "the sector", ({ node }) => node.params.sector?.[1] === 20);
    expect(some.values[14] > all.values[14] * 1.5, `${some.values[14]} of ${all.values[14]}`);
    expect(some.node.code.includes("sector: Some((-20.0, 20.0))"), some.node.code);
    await page.waitForTimeout(300);
    await screenshot(page, "4_sector");
  });
  await check("the centre of the rings is dragged on the pattern beside the profile", async () => {
    const pattern = page.locator(`.jp-Notebook [data-windowed-list-index="1"] .st-companion [data-st="signal-canvas"]`);
    await pattern.waitFor();
    // The notebook scrolls back while it lays out what came into view.
    let box;
    for (let tries = 0; tries < 10; tries++) {
      await pattern.evaluate((canvas) => canvas.scrollIntoView({ block: "center" }));
      await page.waitForTimeout(300);
      box = await pattern.boundingBox();
      if (box.y > 100 && box.y + box.height < page.viewportSize().height - 50) {
        break;
      }
    }
    const scale = Math.min(box.width / COLUMNS, box.height / ROWS);
    const at = (row, column) => [
      box.x + (box.width - COLUMNS * scale) / 2 + (column + 0.5) * scale,
      box.y + (box.height - ROWS * scale) / 2 + (row + 0.5) * scale,
    ];
    await page.mouse.move(...at(19, 24));
    await page.mouse.down();
    await page.mouse.move(...at(16, 28), { steps: 4 });
    await page.mouse.move(...at(12, 32), { steps: 4 });
    await page.waitForTimeout(300);
    await screenshot(page, "5_centre");
    await page.mouse.up();
    const { node } = await until(page, "the moved centre", ({ node }) => node.params.centre[0] < 13);
    const [row, column] = node.params.centre;
    expect(Math.abs(row - 12) < 0.6 && Math.abs(column - 32) < 0.6, JSON.stringify(node.params));
    expect(node.params.sector[0] === -20, "the sector went");
  });
} finally {
  await browser.close();
  await server.stop();
}
process.exit(verdict());
