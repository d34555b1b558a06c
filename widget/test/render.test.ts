import { describe, expect, it } from "vitest";
import type { Samples } from "../src/protocol/buffers";
import { COLORMAPS, colormapNamed, colours } from "../src/render/colormap";
import { automaticLevels, binsFor, histogram, histogramDomain } from "../src/render/levels";
import { type Contrast, Painter, type Pixels, transfer } from "../src/render/table";
import { FRAME } from "../src/state/images";

const GRAY: Contrast = { colormap: colormapNamed("gray"), gamma: 1, log: false };

const plain = (samples: Samples): Pixels => ({ samples, packed: null });

function reds(target: Uint32Array): number[] {
  return [...new Uint8Array(target.buffer)].filter((_, i) => i % 4 === 0);
}

function paint(
  samples: Uint8Array | Uint16Array | Float32Array,
  contrast = GRAY,
  low = 0,
  high = 100,
): Uint32Array {
  const painter = new Painter();
  painter.set({ low, high }, contrast);
  const target = new Uint32Array(samples.length);
  painter.paint(plain(samples), target);
  return target;
}

describe("colour table", () => {
  it("maps levels to the ends of the map, the same for integers and floats", () => {
    const expected = [0, 0, 128, 255, 255];
    const values = [0, 10, 60, 110, 200];
    for (const samples of [Uint8Array.from(values), Uint16Array.from(values), Float32Array.from(values)]) {
      reds(paint(samples, GRAY, 10, 110)).forEach((red, i) => {
        expect(Math.abs(red - (expected[i] ?? 0))).toBeLessThanOrEqual(1);
      });
    }
  });

  it("leaves what is not finite transparent, and says so", () => {
    const painter = new Painter();
    painter.set({ low: 0, high: 100 }, GRAY);
    const target = new Uint32Array(4);
    expect(painter.paint(plain(Float32Array.of(Number.NaN, -Infinity, Infinity, 1e30)), target)).toBe(true);
    expect([...target]).toEqual([0, 0, 0, 0xffffffff]);
    expect(painter.paint(plain(Float32Array.of(1, 2, 3, 4)), target)).toBe(false);
    expect(painter.paint(plain(Uint8Array.of(1, 2, 3, 4)), target)).toBe(false);
  });

  it("rebuilds when levels or contrast change", () => {
    const painter = new Painter();
    const target = new Uint32Array(1);
    const red = (): number | undefined => new Uint8Array(target.buffer)[0];
    const sample = Uint16Array.of(50);
    painter.set({ low: 0, high: 100 }, GRAY);
    painter.paint(plain(sample), target);
    expect(red()).toBeCloseTo(127, -1);
    painter.set({ low: 0, high: 50 }, GRAY);
    painter.paint(plain(sample), target);
    expect(red()).toBe(255);
    painter.set({ low: 0, high: 50 }, { ...GRAY, colormap: colormapNamed("gray_inverted") });
    painter.paint(plain(sample), target);
    expect(red()).toBe(0);
  });

  it("survives equal levels", () => {
    expect(reds(paint(Float32Array.of(4, 5, 6), GRAY, 5, 5))).toEqual([0, 0, 255]);
  });

  it("keeps zero in the middle of a diverging map whatever gamma and logarithm", () => {
    const contrast = { colormap: colormapNamed("diverging"), gamma: 0.4, log: true };
    expect(transfer(0.5, contrast)).toBe(0.5);
    expect(transfer(0.25, contrast) + transfer(0.75, contrast)).toBeCloseTo(1);
  });

  it("lifts the dark parts with the logarithm and with a gamma below one", () => {
    expect(transfer(0.01, { ...GRAY, log: true })).toBeGreaterThan(0.3);
    expect(transfer(0.25, { ...GRAY, gamma: 0.5 })).toBeCloseTo(0.5);
    for (const log of [true, false]) {
      expect(transfer(0, { ...GRAY, log })).toBe(0);
      expect(transfer(1, { ...GRAY, log })).toBeCloseTo(1);
    }
  });

  it("has opaque colours that start and end at the control points", () => {
    for (const map of COLORMAPS) {
      const bytes = new Uint8Array(colours(map, 256).buffer);
      const hex = (i: number): string =>
        `#${[...bytes.slice(i * 4, i * 4 + 3)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
      expect([hex(0), hex(255)]).toEqual([map.points[0], map.points.at(-1)]);
      expect(map.kind === "cyclic").toBe(map.points[0] === map.points.at(-1));
      expect(bytes.filter((_, i) => i % 4 === 3).every((alpha) => alpha === 255)).toBe(true);
    }
  });
});

describe("levels", () => {
  it("come from the percentiles, around zero for diverging values", () => {
    expect(automaticLevels([3, 90], [0, 1000], FRAME)).toEqual({ low: 3, high: 90 });
    expect(automaticLevels([-0.01, 0.03], [-1, 1], { type: "diverging" })).toEqual({
      low: -0.03,
      high: 0.03,
    });
  });

  it("fall back to the extrema, and to something with a range", () => {
    expect(automaticLevels([0, 0], [0, 7], FRAME)).toEqual({ low: 0, high: 7 });
    expect(automaticLevels([5, 5], [5, 5], FRAME)).toEqual({ low: 5, high: 6 });
    expect(
      automaticLevels([Number.NaN, Number.NaN], [Number.NaN, Number.NaN], { type: "diverging" }),
    ).toEqual({
      low: 0,
      high: 1,
    });
  });

  it("are inside the histogram's range even when they lie outside the picture", () => {
    const domain = histogramDomain({ low: -50, high: 20 }, [0, 10], [0, 12]);
    expect(domain.low).toBeLessThanOrEqual(-50);
    expect(domain.high).toBeGreaterThanOrEqual(20);
  });

  it("counts every sample of the range once", () => {
    const samples = Float32Array.of(0, 0.1, 0.5, 1, 2, Number.NaN);
    expect([...histogram(samples, { low: 0, high: 1 }, 2)]).toEqual([2, 2]);
    const large = Uint16Array.from({ length: 512 * 512 }, (_, i) => (i % 512 < 128 ? 1 : 3));
    const [low, high] = histogram(large, { low: 0, high: 4 }, 2);
    expect((low ?? 0) / ((low ?? 0) + (high ?? 0))).toBeCloseTo(0.25, 2);
    // Angles a turn apart are the same.
    const angles = Float32Array.of(-90, 10, 100, 370, Number.NaN);
    expect([...histogram(angles, { low: 0, high: 360 }, 4, true)]).toEqual([2, 1, 0, 1]);
    expect(histogram(samples, { low: 1, high: 1 }, 4).every((count) => count === 0)).toBe(true);
    expect(binsFor(Uint8Array.of(1), { low: 0, high: 20 }, 160)).toBe(21);
  });
});
