import { describe, expect, it } from "vitest";
import { needOf } from "../src/geometry/part_request";
import { sampleText } from "../src/geometry/sample";
import { WHOLE, type Zoom } from "../src/geometry/zoom";

const FRAME = { width: 2048, height: 2048 };
const CANVAS = [400, 400] as const;
const requestOf = (...given: Parameters<typeof needOf>) => needOf(...given).request;

describe("what a canvas asks for", () => {
  it("is the whole frame, in whole blocks that are not much finer than the canvas", () => {
    expect(requestOf(CANVAS, FRAME, WHOLE, false)).toEqual({ size_px: [512, 512] });
    expect(requestOf([300, 200], { width: 1000, height: 500 }, WHOLE, false)).toEqual({
      size_px: [334, 167],
    });
    expect(requestOf(CANVAS, { width: 101, height: 57 }, WHOLE, true)).toEqual({ size_px: [101, 57] });
    expect(requestOf([0, 0], FRAME, WHOLE, false)).toEqual({ size_px: [512, 512] });
  });

  it("is what is seen of a large frame, pixel by pixel from 1:1 on", () => {
    for (const [scale, block] of [
      [2, 2],
      [4, 1],
      [64, 1],
      [327, 1],
    ] as const) {
      const zoom: Zoom = { scale, x: 0.25, y: 0.75 };
      const { size_px, part } = requestOf(CANVAS, FRAME, zoom, false);
      const seen = FRAME.width / scale;
      expect(part).toBeDefined();
      expect(part?.x0).toBeLessThanOrEqual(512 - seen / 2);
      expect((part?.x0 ?? 0) + (part?.width ?? 0)).toBeGreaterThanOrEqual(512 + seen / 2);
      expect(part?.y0).toBeLessThanOrEqual(1536 - seen / 2);
      expect((part?.y0 ?? 0) + (part?.height ?? 0)).toBeGreaterThanOrEqual(1536 + seen / 2);
      expect(part?.width).toBeLessThanOrEqual(2.5 * seen + 4);
      expect(size_px).toEqual([(part?.width ?? 0) / block, (part?.height ?? 0) / block]);
    }
  });

  it("has no room around it while the position moves", () => {
    const zoom: Zoom = { scale: 16, x: 0.5, y: 0.5 };
    const [moving, settled] = [true, false].map((moves) => requestOf(CANVAS, FRAME, zoom, moves).size_px[0]);
    expect(moving).toBe(128);
    expect(settled).toBeGreaterThan(180);
  });

  it("stays the same while the picture is moved a little", () => {
    const asked = new Set<string>();
    for (let x = 0.5; x < 0.52; x += 0.001) {
      asked.add(JSON.stringify(requestOf(CANVAS, FRAME, { scale: 8, x, y: 0.5 }, false)));
    }
    expect(asked.size).toBeLessThanOrEqual(4);
  });

  it("stays inside the frame at its edges", () => {
    const corner = requestOf(CANVAS, FRAME, { scale: 40, x: 1, y: 0 }, false).part;
    expect(corner?.y0).toBe(0);
    expect((corner?.x0 ?? 0) + (corner?.width ?? 0)).toBe(2048);
  });

  it("is never a part of a frame that is small enough whole", () => {
    for (const scale of [1, 3, 50]) {
      const { size_px, part } = requestOf(
        [300, 300],
        { width: 512, height: 384 },
        { scale, x: 0.5, y: 0.5 },
        true,
      );
      expect(part).toBeUndefined();
      expect(size_px).toEqual(scale === 1 ? [256, 192] : [512, 384]);
    }
  });

  it("is bounded for large canvases as long as pixels are smaller than theirs", () => {
    const [width, height] = requestOf([1900, 1900], { width: 4096, height: 4096 }, WHOLE, false).size_px;
    expect(width * height).toBeLessThanOrEqual(1366 * 1366);
    expect(requestOf([1900, 1900], FRAME, { scale: 1.1, x: 0.5, y: 0.5 }, false).size_px[0]).toBeGreaterThan(
      1860,
    );
  });

  it("is the whole spectrum, in more samples when it is zoomed", () => {
    const line = { width: 20_000, height: 1 };
    expect(requestOf(CANVAS, line, WHOLE, false)).toEqual({ size_px: [600, 1] });
    expect(requestOf(CANVAS, line, { scale: 60, x: 0.5, y: 0.5 }, false)).toEqual({ size_px: [20_000, 1] });
  });
});

describe("the readout", () => {
  it("calls a mean a mean", () => {
    expect(sampleText({ value: 164, width: 1, height: 1 }, "counts")).toBe("164 counts");
    expect(sampleText({ value: 164.75, width: 2, height: 2 }, "counts")).toBe("164.8 counts, mean of 2 × 2");
    expect(sampleText({ value: 3, width: 1, height: 2 }, "")).toBe("3, mean of 2 × 1");
    expect(sampleText({ value: 3, width: 25, height: 1 }, "")).toBe("3, mean of 25");
    expect(sampleText({ value: Number.NaN, width: 2, height: 2 }, "")).toBe("no value");
    expect(sampleText(null, "counts")).toBe("");
  });
});
