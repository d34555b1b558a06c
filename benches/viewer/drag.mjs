// The pointer of a person who drags through the scan, by the browser's own input events.

/** Moves the pressed pointer along the rows of the scan, forth and back, one scan position at a time. */
export async function drag(page, cdp, shape, { milliseconds, perSecond, start }) {
  const box = await page.locator(".st-surface-navigator .st-image").boundingBox();
  const [rows, columns] = shape;
  const at = (number) => {
    const row = Math.floor(number / columns) % rows;
    const column = number % columns;
    const x = row % 2 === 0 ? column : columns - 1 - column;
    return { x: box.x + ((x + 0.5) / columns) * box.width, y: box.y + ((row + 0.5) / rows) * box.height };
  };
  const send = (type, number) =>
    cdp.send("Input.dispatchMouseEvent", {
      type,
      ...at(number),
      button: "left",
      buttons: 1,
      clickCount: type === "mouseMoved" ? 0 : 1,
    });
  await send("mousePressed", start);
  await page.evaluate(() => globalThis.__bench.begin());
  const begun = performance.now();
  let moved = 0;
  while (performance.now() - begun < milliseconds) {
    const due = Math.floor(((performance.now() - begun) / 1000) * perSecond);
    if (due > moved) {
      moved = due;
      // Not awaited: a hand does not wait for the page.
      void send("mouseMoved", start + moved);
    }
    await new Promise((resolve) => setTimeout(resolve, 1000 / perSecond / 2));
  }
  const found = await page.evaluate(() => globalThis.__bench.end());
  await send("mouseReleased", start + moved);
  return { ...found, milliseconds: performance.now() - begun, moved, end: start + moved };
}
