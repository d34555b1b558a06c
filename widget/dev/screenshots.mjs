// Screenshots of the dev page in headless Chromium, into dev/screenshots/. Run `npm run dev` first.
// CHROMIUM names the browser; the default is the one on the PATH of most Linux distributions.

import { mkdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
const server = createServer(async (request, response) => {
  const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
  try {
    const text = await readFile(join(import.meta.dirname, "..", path));
    response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" }).end(text);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const SHOTS = [
  { name: "scan_1200", width: 1200, query: "" },
  { name: "peaks_1200_dark", width: 1200, query: "node=3&dark" },
  { name: "strain_1200", width: 1200, query: "node=4", wait: 2600 },
  { name: "strain_filling_dark", width: 1200, query: "node=4&dark", wait: 900 },
  { name: "flat_600", width: 600, query: "node=2" },
  { name: "strain_800_dark", width: 800, query: "node=4&dark", wait: 2600 },
  { name: "spectrum_1200", width: 1200, query: "spectrum&node=11" },
  { name: "uneven_1200", width: 1200, query: "spectrum&node=11&uneven" },
  { name: "caveats_1200", width: 1200, query: "node=1&caveats", click: "[data-st=caveats]" },
  { name: "caveats_600_dark", width: 600, query: "node=1&caveats&dark", click: "[data-st=caveats]" },
  { name: "silent_900", width: 900, query: "silent", wait: 3600 },
  { name: "menu_1200", width: 1200, query: "node=2", click: "[data-st=add-operation]" },
  { name: "menu_900_dark", width: 900, query: "node=2&dark", click: "[data-st=add-operation]" },
  { name: "flat_960", width: 960, query: "node=2" },
  { name: "two_1300", width: 1300, query: "node=2&beside=1" },
  { name: "two_1300_dark", width: 1300, query: "node=2&beside=3&dark&zoom=3" },
  { name: "branch_1300", width: 1300, query: "node=3", click: "[data-st=parameters-branch]" },
  { name: "three_1300", width: 1300, query: "node=1&beside=3,4", wait: 2600 },
  { name: "four_1100", width: 1100, query: "node=1&beside=2,3,4", wait: 2600 },
  { name: "two_900", width: 900, query: "node=4&beside=2", wait: 2600 },
  { name: "two_600", width: 600, query: "node=2&beside=1" },
  { name: "deflection_1200", width: 1200, query: "deflection&node=6&picture=4", wait: 2600 },
  { name: "deflection_900_dark", width: 900, query: "deflection&node=6&picture=4&dark", wait: 2600 },
  { name: "grains_1200_dark", width: 1200, query: "deflection&node=6&picture=3&dark", wait: 2600 },
  { name: "phase_1200", width: 1200, query: "deflection&node=6&picture=2", wait: 2600 },
  { name: "mixed_600", width: 600, query: "deflection&node=6&picture=5", wait: 2600 },
  { name: "zoom_1200", width: 1200, query: "node=3&zoom=4" },
  {
    name: "detector_1300",
    width: 1300,
    query: "detector=virtual_disk&node=5&estimates",
    drag: { on: "[data-pane='9'] [data-st=signal-canvas]", from: [0.5, 0.5], to: [0.63, 0.42] },
  },
  {
    name: "window_1300",
    width: 1300,
    query: "window&node=12",
    drag: { on: "[data-pane='9'] [data-st=signal-canvas]", from: [0.74, 0.5], to: [0.62, 0.5] },
  },
  { name: "window_700_dark", width: 700, query: "window&node=12&dark" },
  {
    name: "polygon_1300",
    width: 1300,
    query: "detector=virtual_polygon&node=5",
    drag: { on: "[data-pane='9'] [data-st=signal-canvas]", from: [0.5, 0.25], to: [0.62, 0.12] },
  },
  {
    name: "detector_ring_1300_dark",
    width: 1300,
    query: "detector=virtual_annulus&node=5&dark",
    drag: { on: "[data-pane='9'] [data-st=signal-canvas]", from: [0.65, 0.5], to: [0.56, 0.5] },
  },
  {
    name: "detector_box_900",
    width: 900,
    query: "detector=virtual_rectangle&node=5",
    drag: { on: "[data-pane='9'] [data-st=signal-canvas]", from: [0.5, 0.5], to: [0.6, 0.6] },
  },
  {
    name: "region_1200",
    width: 1200,
    query: "node=1",
    click: "[data-st=region-toggle]",
    drag: { on: "[data-st=navigator-canvas]", from: [0.2, 0.3], to: [0.45, 0.55] },
  },
  {
    name: "region_1200_dark",
    width: 1200,
    query: "node=2&dark",
    click: "[data-st=region-toggle]",
  },
  { name: "memory_1200", width: 1200, query: "node=2", click: "[data-st=memory]" },
  { name: "save_1200", width: 1200, query: "node=2", click: "[data-st=save]" },
  {
    name: "saving_1200_dark",
    width: 1200,
    query: "node=2&dark",
    click: ["[data-st=save]", "[data-st=save-start]"],
  },
  {
    name: "replace_1200",
    width: 1200,
    query: "node=2&exists",
    click: ["[data-st=save]", "[data-st=save-start]"],
  },
  { name: "code_1200_dark", width: 1200, query: "node=4&dark", click: "[data-st=export]" },
  { name: "advice_1200", width: 1200, query: "node=1&slow" },
  { name: "tilt_1200", width: 1200, query: "tilt" },
  { name: "single_1200", width: 1200, query: "single" },
  { name: "keys_900", width: 900, query: "node=2", click: "[data-st=help]" },
  { name: "maximised_1300", width: 1300, query: "node=4&beside=2", wait: 2600, click: "[data-st=maximise]" },
  { name: "three_480", width: 480, query: "node=4&beside=1,2", wait: 2600 },
  { name: "strain_320_dark", width: 320, query: "node=4&dark", wait: 2600 },
  { name: "refused_1200", width: 1200, query: "node=2", click: "[data-st=remove-node-flat]" },
];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
});
await mkdir(join(import.meta.dirname, "screenshots"), { recursive: true });
const only = process.argv.slice(2);
for (const shot of SHOTS.filter(({ name }) => only.length === 0 || only.includes(name))) {
  const page = await browser.newPage({ viewport: { width: shot.width, height: 760 } });
  page.on("pageerror", (error) => console.error(shot.name, error.message));
  page.on("console", (message) => message.type() === "error" && console.error(shot.name, message.text()));
  const { port } = server.address();
  await page.goto(`http://127.0.0.1:${port}/dev/index.html?${shot.query}`);
  await page.waitForTimeout(shot.wait ?? 700);
  if (shot.click) {
    for (const selector of [shot.click].flat()) {
      await page.click(selector, { force: true });
      await page.waitForTimeout(300);
    }
  }
  if (shot.drag) {
    const { on, from, to } = shot.drag;
    const box = await page.locator(on).boundingBox();
    const at = ([x, y]) => [box.x + box.width * x, box.y + box.height * y];
    await page.mouse.move(...at(from));
    await page.mouse.down();
    await page.mouse.move(...at(to), { steps: 6 });
    await page.waitForTimeout(300);
  }
  await page.screenshot({
    path: join(import.meta.dirname, "screenshots", `${shot.name}.png`),
    fullPage: true,
  });
  await page.close();
}
await browser.close();
server.close();
