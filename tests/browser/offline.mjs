// Opens exported notebooks with every network request refused: a colleague without network
// must see the pictures. Usage: node offline.mjs PAGE.html …

import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { check, expect, launch, SCREENSHOTS, verdict } from "./chromium.mjs";

const browser = await launch();
try {
  for (const path of process.argv.slice(2)) {
    const name = basename(path, ".html");
    const context = await browser.newContext({ viewport: { width: 1200, height: 1600 } });
    const refused = [];
    await context.route("**", (route) => {
      const url = route.request().url();
      if (url.startsWith("file:") || url.startsWith("data:") || url.startsWith("blob:")) {
        return route.continue();
      }
      refused.push(url);
      return route.abort();
    });
    const page = await context.newPage();
    await check(`${name}: pictures are visible without network`, async () => {
      await page.goto(pathToFileURL(path).href, { waitUntil: "load" });
      const pictures = await page.evaluate(describePictures);
      expect(pictures.length > 0, "no picture in any output");
      for (const picture of pictures) {
        const text = JSON.stringify(picture);
        expect(picture.shown_width > 50 && picture.shown_height > 50, `a picture takes no room: ${text}`);
        expect(picture.shades >= 16, `a picture is blank: ${text}`);
      }
      await page.screenshot({ path: join(SCREENSHOTS, `offline_${name}.png`), fullPage: true });
      const sizes = pictures.map((picture) => `${picture.width}x${picture.height}`).join(", ");
      return `${pictures.length} pictures (${sizes}), ${refused.length} requests refused`;
    });
    await check(`${name}: no error among the outputs`, async () => {
      const text = await page.evaluate(() =>
        [...document.querySelectorAll('[data-mime-type="application/vnd.jupyter.error"], .jp-RenderedText[data-mime-type="application/vnd.jupyter.stderr"]')]
          .map((element) => element.textContent.trim())
          .filter((text) => text.length > 0)
          .join(" | "),
      );
      expect(text === "", text);
    });
    await context.close();
  }
} finally {
  await browser.close();
}
process.exit(verdict());

/** Runs in the page: size and number of distinct shades of every picture in an output. */
function describePictures() {
  return [...document.querySelectorAll(".jp-OutputArea-output img")].map((image) => {
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d");
    const shades = new Set();
    if (canvas.width > 0 && canvas.height > 0) {
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < data.length; i += 4) {
        shades.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      }
    }
    const box = image.getBoundingClientRect();
    return {
      width: image.naturalWidth,
      height: image.naturalHeight,
      shown_width: Math.round(box.width),
      shown_height: Math.round(box.height),
      shades: shades.size,
    };
  });
}
