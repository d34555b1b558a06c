// What is on the screen against what the kernel has computed: samples asked of the kernel itself, mapped to colours
// by code of this test, compared with a screenshot pixel by pixel.

import { expect } from "./chromium.mjs";

/** Control points of the colormaps the test meets, interpolated in sRGB. */
const COLORMAPS = {
  gray: ["#000000", "#ffffff"],
  viridis: ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"],
  hsv: ["#ff0000", "#ffff00", "#00ff00", "#00ffff", "#0000ff", "#ff00ff", "#ff0000"],
  diverging: ["#16305f", "#3a6fb0", "#8cb3dc", "#d5e3ef", "#f5f4f1", "#f2d7ca", "#e39c83", "#c34f3e", "#701322"],
};
/** Steps of 255 a channel may differ by: tables of colours are rounded. */
const ROUNDING = 3;

/** Asks the kernel for a picture as a page would, past our own page: the reply, and its samples as bytes in base64. */
export async function samples(page, model, request) {
  const { reply, data } = await answer(page, model, request);
  expect((reply.block ?? 1) === 1 && reply.width === reply.full_width, `the kernel reduced the picture: ${JSON.stringify(reply)}`);
  return { reply, data: reply.encoding === "packed" ? unpacked(data, reply.sample, reply.width * reply.height) : data };
}

/**
 * Whole numbers in as few bits as their neighbours need: each run of 64 begins with `least + bits * 2^27`, then come
 * words of as many samples as fit whole, lowest first, each less `least`.
 */
function unpacked(data, type, count) {
  const bytes = Buffer.from(data, "base64");
  const samples = type === "u8" ? new Uint8Array(count) : new Uint16Array(count);
  let word = 0;
  for (let start = 0; start < count; start += 64) {
    const head = bytes.readUInt32LE(4 * word++);
    const [bits, least] = [Math.floor(head / 2 ** 27), head % 2 ** 27];
    const fit = bits > 0 ? Math.floor(32 / bits) : 64;
    for (let at = start; at < Math.min(start + 64, count); at += fit) {
      const packed = bits > 0 ? bytes.readUInt32LE(4 * word++) : 0;
      for (let i = 0; i < fit && at + i < Math.min(start + 64, count); i += 1) {
        samples[at + i] = least + (Math.floor(packed / 2 ** (bits * i)) % 2 ** bits);
      }
    }
  }
  return Buffer.from(samples.buffer).toString("base64");
}

function answer(page, model, request) {
  return page.evaluate(
    ([comm, frame_request]) => {
      const { kernel } = globalThis.jupyterapp.shell.currentWidget.context.sessionContext.session;
      const view = Math.floor(Math.random() * 0x7fff_ffff);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no answer to ${JSON.stringify(frame_request)}`)), 30_000);
        const receive = (_, { msg, direction }) => {
          const reply = msg.content?.data?.content;
          if (direction !== "recv" || msg.header.msg_type !== "comm_msg" || reply?.view !== view) {
            return;
          }
          kernel.anyMessage.disconnect(receive);
          clearTimeout(timer);
          if (reply.type === "failed") {
            reject(new Error(reply.error.message));
            return;
          }
          const [buffer] = msg.buffers;
          const bytes = new Uint8Array(buffer.buffer ?? buffer, buffer.byteOffset ?? 0, buffer.byteLength);
          let text = "";
          for (const byte of bytes) {
            text += String.fromCharCode(byte);
          }
          resolve({ reply, data: btoa(text) });
        };
        kernel.anyMessage.connect(receive);
        kernel.sendShellMessage(
          {
            channel: "shell",
            header: {
              msg_id: `screen-${view}`,
              msg_type: "comm_msg",
              session: kernel.clientId,
              username: "",
              version: "5.4",
              date: new Date().toISOString(),
            },
            parent_header: {},
            metadata: {},
            content: { comm_id: comm, data: { method: "custom", content: { ...frame_request, view, generation: 1 } } },
            buffers: [],
          },
          false,
        );
      });
    },
    [model, request],
  );
}

/**
 * Compares a picture on the screen with samples: every pixel of the screen that no mark covers has the colour of
 * the sample under it. `part`: the pixels of the frame that the page has drawn. With two `planes` the samples are
 * those of y, then of x, drawn by direction and length. Returns how many were compared.
 */
export async function compare(page, canvas, { data, type, width, height, part, planes }, { low, high, colormap }, what) {
  await canvas.scrollIntoViewIfNeeded();
  const surface = canvas.locator("xpath=..");
  const clip = await surface.evaluate((element) => {
    const box = element.getBoundingClientRect();
    const [left, top] = [Math.max(0, Math.floor(box.left)), Math.max(0, Math.floor(box.top))];
    const [right, bottom] = [Math.min(innerWidth, Math.ceil(box.right)), Math.min(innerHeight, Math.ceil(box.bottom))];
    return { x: left, y: top, width: right - left, height: bottom - top };
  });
  expect(clip.width > 20 && clip.height > 20, `${what}: the picture is not on the screen: ${JSON.stringify(clip)}`);
  // Without the pointer over it, whose readouts are no part of the picture.
  await page.mouse.move(1, 1);
  const png = (await page.screenshot({ clip })).toString("base64");
  const found = await surface.evaluate(
    async (element, { png, clip, data, type, width, height, part, planes, low, high, points, rounding }) => {
      const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const kinds = { u8: Uint8Array, u16: Uint16Array, f32: Float32Array };
      const values = new kinds[type](bytes(data).buffer);
      const bitmap = await createImageBitmap(new Blob([bytes(png)], { type: "image/png" }));
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      const context = canvas.getContext("2d");
      context.drawImage(bitmap, 0, 0);
      const shot = context.getImageData(0, 0, bitmap.width, bitmap.height).data;

      const image = element.querySelector(".st-image").getBoundingClientRect();
      const overlay = element.querySelector(".st-overlay");
      const over = overlay.getBoundingClientRect();
      const sheet = overlay.querySelector(".st-marks");
      const marks = sheet.getContext("2d").getImageData(0, 0, sheet.width, sheet.height);
      /** Where something is drawn on purpose, or beside it. */
      const marked = new Uint8Array(marks.width * marks.height);
      for (let at = 0; !sheet.hidden && at < marked.length; at += 1) {
        if (marks.data[at * 4 + 3] > 0) {
          const [row, column] = [Math.floor(at / marks.width), at % marks.width];
          for (let y = Math.max(0, row - 2); y <= Math.min(marks.height - 1, row + 2); y += 1) {
            marked.fill(1, y * marks.width + Math.max(0, column - 2), y * marks.width + Math.min(marks.width, column + 3));
          }
        }
      }
      const isMarked = (x, y) => marked[Math.floor(y - over.top) * marks.width + Math.floor(x - over.left)] === 1;
      const words = [...element.querySelectorAll(".st-chip, .st-zoom, .st-scale-bar, .st-key")]
        .filter((part) => !part.hidden)
        .map((part) => part.getBoundingClientRect());
      const isSaid = (x, y) =>
        words.some((box) => x > box.left - 2 && x < box.right + 2 && y > box.top - 2 && y < box.bottom + 2);

      const channels = points.map((point) => [1, 3, 5].map((at) => Number.parseInt(point.slice(at, at + 2), 16)));
      const ramp = (part) => {
        const share = part * (channels.length - 1);
        const before = Math.min(channels.length - 2, Math.floor(share));
        return channels[before].map((from, i) => from + (channels[before + 1][i] - from) * (share - before));
      };
      const between = (value) => Math.min(1, Math.max(0, (value - low) / (high - low)));
      const count = width * height;
      const valueAt = (at) => (planes === 2 ? Math.hypot(values[at], values[count + at]) : values[at]);
      const colour = (at) => {
        if (planes !== 2) {
          return ramp(between(values[at]));
        }
        // The direction from the right, downwards.
        const turn = (Math.atan2(values[at], values[count + at]) / (2 * Math.PI) + 1) % 1;
        return ramp(turn).map((channel) => channel * between(valueAt(at)));
      };
      const near = (at, scale, from, size) =>
        [...new Set([at - 0.8, at, at + 0.8].map((place) => Math.floor(from + (place / scale) * size)))];
      let [compared, different, empty] = [0, 0, 0];
      let first = null;
      for (let row = 0; row < clip.height; row += 1) {
        for (let column = 0; column < clip.width; column += 1) {
          const [x, y] = [clip.x + column + 0.5, clip.y + row + 0.5];
          const [dx, dy] = [x - image.left, y - image.top];
          const inside = dx > 1 && dy > 1 && dx < image.width - 1 && dy < image.height - 1;
          const edge = x < over.left + 4 || y < over.top + 4 || x > over.right - 4 || y > over.bottom - 4;
          if (!inside || edge || isMarked(x, y) || isSaid(x, y)) {
            continue;
          }
          const under = near(dy, image.height, part.y0, part.height).flatMap((j) =>
            near(dx, image.width, part.x0, part.width).map((i) => j * width + i),
          );
          if (under.some((at) => !Number.isFinite(valueAt(at)))) {
            empty += 1;
            continue;
          }
          const seen = shot.slice((row * clip.width + column) * 4, (row * clip.width + column) * 4 + 3);
          const same = under.some((at) => colour(at).every((channel, i) => Math.abs(channel - seen[i]) <= rounding));
          compared += 1;
          if (!same) {
            different += 1;
            first ??= { x: Math.round(dx), y: Math.round(dy), seen: [...seen], wanted: colour(under[0]).map(Math.round) };
          }
        }
      }
      return { compared, different, empty, first };
    },
    {
      png,
      clip,
      data,
      type,
      width,
      height,
      part: part ?? { x0: 0, y0: 0, width, height },
      planes,
      low,
      high,
      points: COLORMAPS[colormap],
      rounding: ROUNDING,
    },
  );
  expect(found.compared > 2000, `${what}: only ${found.compared} pixels could be compared`);
  expect(
    found.different === 0,
    `${what}: ${found.different} of ${found.compared} pixels differ, the first ${JSON.stringify(found.first)}`,
  );
  return found;
}
