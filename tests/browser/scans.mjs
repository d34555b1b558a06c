// Parts of scans: the navigator of a node is that of its own scan, the crosshair stays at its place from one scan to another, a
// region is drawn on the scan it is cut from. In real JupyterLab in headless Chromium.
// Usage: CHROMIUM=… node scans.mjs JUPYTER FOLDER (FOLDER is empty).

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { check, expect, launch, SCREENSHOTS, verdict } from "./chromium.mjs";
import { kernelIdle, openNotebook, runCell, showCell, startServer } from "./jupyterlab.mjs";

const [jupyter, folder] = process.argv.slice(2);
const NOTEBOOK = "scans.ipynb";
const [ROWS, COLUMNS] = [24, 36];
const CELLS = [
  'let scan = open("scan.npy")?;',
  `let part = scan.crop_scan(CropScan { region: Some(Region::rectangle(10, 6, 16, 12)), ..default() })?;
let joined = part.rebin_scan(RebinScan { rows: 2, columns: 4, ..default() })?;
let smooth = part.rolling_mean(RollingMean { along: ScanAxis::Rows, ..default() })?;
part`,
  `let shift = part.center_of_mass(CenterOfMass::default())?;
let phase = shift.integrated_center_of_mass(IntegratedCenterOfMass::default())?;
phase`,
];

/** A spot whose place tells the position, brighter towards one corner of the scan. */
function write() {
  const header = `{'descr': '<u2', 'fortran_order': False, 'shape': (${ROWS}, ${COLUMNS}, 24, 20), }`.padEnd(117);
  const pixels = new Uint16Array(ROWS * COLUMNS * 480);
  for (let at = 0; at < ROWS * COLUMNS; at += 1) {
    const [y, x] = [Math.floor(at / COLUMNS), at % COLUMNS];
    const bump = 3 * Math.exp(-((y - 11) ** 2 + (x - 17) ** 2) / 18);
    for (let row = 0; row < 4; row += 1) {
      const top = 8 + Math.round(((y - 11) / 4) * bump) + row;
      const left = 8 + Math.round(((x - 17) / 4) * bump);
      pixels.fill(200 + 12 * x + 5 * y, at * 480 + top * 20 + left, at * 480 + top * 20 + left + 4);
    }
  }
  const data = Buffer.from(pixels.buffer);
  writeFileSync(join(folder, "scan.npy"), Buffer.concat([Buffer.from(`\x93NUMPY\x01\x00v\x00${header}\n`, "latin1"), data]));
}

const part = (page, name) => page.locator(`.jp-Notebook [data-windowed-list-index="1"] [data-st="${name}"]`);
const screenshot = (page, name) => page.screenshot({ path: join(SCREENSHOTS, `scans_${name}.png`) });

/** What the viewer shows. */
const shown = (page) =>
  part(page, "viewer").evaluate((element) => {
    const { nodes, node, position, view } = element.__signaltree_state();
    const { navigator, picture } = view;
    return {
      node: nodes.find((each) => each.id === node),
      nodes,
      position: [...position],
      size: navigator && [navigator.reply.full_height, navigator.reply.full_width],
      scan: navigator?.scan,
      complete: navigator?.reply.complete,
      index: picture?.reply.index,
      drawn: picture?.reply.node,
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
  throw new Error(`${what} did not happen: ${JSON.stringify({ ...state, nodes: undefined, node: state?.node?.name })}`);
}

const select = (page, name) => part(page, `tree-node-${name}`).click();

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

write();
const browser = await launch();
const server = await startServer(jupyter, folder);
try {
  const cells = CELLS.map((source, at) => ({ cell_type: "code", id: `cell-${at}`, metadata: {}, source, outputs: [], execution_count: null }));
  const metadata = { kernelspec: { name: "signaltree", display_name: "SignalTree", language: "rust" } };
  writeFileSync(join(folder, NOTEBOOK), JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
  const page = await browser.newPage({ viewport: { width: 1400, height: 1100 } });
  await openNotebook(page, server, NOTEBOOK);
  await runCell(page, 0);
  await runCell(page, 1);
  await kernelIdle(page);
  await showCell(page, 1);
  await part(page, "viewer").waitFor();
  const ids = {};
  await check("a part of a scan has a navigator of its own", async () => {
    const { node, nodes, size } = await until(page, "the navigator of the part", ({ size, complete }) => same(size, [12, 16]) && complete === 1);
    expect(node.name === "part" && node.navigation_axes[0].offset === 6, JSON.stringify([node.name, size]));
    for (const each of nodes) {
      ids[each.name] = each.id;
    }
    await screenshot(page, "1_part");
  });
  await check("the crosshair stays at its place from one scan to another", async () => {
    const box = await part(page, "navigator-canvas").boundingBox();
    // Column 4 of 16 and row 9 of 12.
    await page.mouse.click(box.x + (4.5 / 16) * box.width, box.y + (9.5 / 12) * box.height);
    await until(page, "the position in the part", ({ position }) => same(position, [9, 4]));
    await select(page, "scan");
    await until(page, "the scan", ({ position, size, drawn }) => same(position, [15, 14]) && same(size, [24, 36]) && drawn === ids.scan);
    await screenshot(page, "2_scan");
    await select(page, "joined");
    await until(page, "the groups", ({ position, size }) => same(position, [4, 1]) && same(size, [6, 4]));
    await screenshot(page, "3_joined");
    await select(page, "smooth");
    await until(page, "what is smoothed", ({ size, scan }) => same(size, [12, 16]) && scan === ids.part);
    await screenshot(page, "4_smooth");
  });
  await check("the region is drawn on the scan that it is cut from", async () => {
    await select(page, "part");
    await until(page, "the part", ({ node }) => node.id === ids.part);
    await part(page, "parameter-region-pick").click();
    await until(page, "the navigator of the scan", ({ size, scan }) => same(size, [24, 36]) && scan === ids.scan);
    await page.waitForTimeout(300);
    await screenshot(page, "5_picking");
    await part(page, "navigator-canvas").scrollIntoViewIfNeeded();
    const box = await part(page, "navigator-canvas").boundingBox();
    await page.mouse.move(box.x + (4.5 / 36) * box.width, box.y + (2.5 / 24) * box.height);
    await page.mouse.down();
    await page.mouse.move(box.x + (23.5 / 36) * box.width, box.y + (11.5 / 24) * box.height, { steps: 5 });
    await page.mouse.up();
    const { node } = await until(page, "the other part", ({ size, scan }) => same(size, [10, 20]) && scan === ids.part);
    expect(same(node.params.region, { x0: 4, y0: 2, width: 20, height: 10 }), JSON.stringify(node.params));
    await screenshot(page, "6_other_part");
  });
  await check("a phase is drawn from a map that is needed as a whole", async () => {
    await runCell(page, 2);
    await kernelIdle(page);
    await showCell(page, 2);
    await page.waitForTimeout(1500);
    await screenshot(page, "7_phase");
  });
} finally {
  await browser.close();
  await server.stop();
}
process.exit(verdict());
