// What a test of the browser does with the viewer: find its parts, wait for pictures.

import { join } from "node:path";
import { SCREENSHOTS } from "./chromium.mjs";

export const st = (name) => `[data-st="${name}"]`;
/** What the page tells tests: the last drawn frame of the selected node, and the state of its view. */
export const hook = (page) =>
  page.evaluate(() => {
    const { frame, timings, state } = globalThis.__signaltree_test;
    const drawn = frame && { ...frame, checksum: frame.checksum };
    return { frame: drawn, timings: timings.length, state: state() };
  });
export const screenshot = (page, name) => page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });

/** Waits until the drawn frame fulfils `condition(frame, argument)`, evaluated in the page. */
export async function drawn(page, condition, argument, what, timeout = 15_000) {
  try {
    await page.waitForFunction(
      ([text, value]) => {
        const { frame } = globalThis.__signaltree_test ?? {};
        return frame && new Function("frame", "value", `return (${text})(frame, value)`)(frame, value);
      },
      [condition.toString(), argument],
      { timeout },
    );
  } catch {
    const status = await page.locator(st("status")).first().textContent().catch(() => "no status");
    throw new Error(`${what}: not drawn within ${timeout} ms; ${JSON.stringify((await hook(page)).frame)}; status "${status}"`);
  }
  return (await hook(page)).frame;
}

export async function navigatorBox(page) {
  const canvas = page.locator(st("navigator-canvas")).last();
  await canvas.scrollIntoViewIfNeeded();
  return canvas.boundingBox();
}

/** The point of a box at shares of its width and height. */
export const at = (box, x, y) => [box.x + box.width * x, box.y + box.height * y];

export async function selectNode(page, name) {
  await page.locator(st(`tree-node-${name}`)).last().click();
}
