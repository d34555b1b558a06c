import { describe, expect, it } from "vitest";
import { scaleFor, toPosition, toValue } from "../src/controls/number";
import {
  along,
  axisText,
  extent,
  indexAt,
  isTold,
  niceBelow,
  numberText,
  scaleBar,
  ticks,
  tickTexts,
  valueAt,
} from "../src/geometry/axes";
import { blockSize, contain, pixelAt, regionBetween, spanned, toPanel, toPixels } from "../src/geometry/fit";
import type { AxisDescription } from "../src/protocol/generated";
import { nameTicks } from "../src/render/plot";

function axis(scale: number, offset: number, units: string): AxisDescription {
  return { name: "kx", size: 128, scale, offset, units };
}

function uneven(values: number[]): AxisDescription {
  const [offset, last] = [values[0] as number, values.at(-1) as number];
  return {
    name: "Energy",
    size: values.length,
    scale: (last - offset) / (values.length - 1),
    offset,
    units: "eV",
    values,
  };
}

describe("names below a plot", () => {
  it("stand at their entries, as many as have room", () => {
    const names = ["C", "N", "O", "Ti", "Fe", "Ni"];
    const shown = (from: number, to: number, width: number): string =>
      nameTicks(names, from, to, width)
        .map(({ at, name }) => `${at} ${name}`)
        .join(", ");
    expect(shown(0, 6, 400)).toBe("0 C, 1 N, 2 O, 3 Ti, 4 Fe, 5 Ni");
    expect(shown(0, 6, 150)).toBe("0 C, 2 O, 4 Fe");
    expect(shown(2, 4, 400)).toBe("2 O, 3 Ti");
  });
});

describe("fit", () => {
  const picture = { width: 128, height: 112 };
  const rect = contain(picture, { width: 400, height: 400 });

  it("keeps the shape and centres", () => {
    expect(rect).toEqual({ left: 0, top: 25, width: 400, height: 350 });
  });

  it("finds every pixel again from its middle", () => {
    for (const outer of [
      { width: 400, height: 400 },
      { width: 257, height: 643 },
    ]) {
      const area = contain(picture, outer);
      for (let y = 0; y < picture.height; y++) {
        for (let x = 0; x < picture.width; x++) {
          const middle = toPanel({ x: x + 0.5, y: y + 0.5 }, area, picture);
          expect(pixelAt(toPixels(middle, area, picture), picture)).toEqual({ x, y });
        }
      }
    }
  });

  it("stays inside the picture", () => {
    expect(pixelAt({ x: -5, y: 500 }, picture)).toEqual({ x: 0, y: 111 });
  });

  it("spans whole blocks of a reduced picture", () => {
    expect(blockSize({ width: 101, height: 50 }, { width: 51, height: 25 })).toBe(2);
    expect(spanned({ width: 101, height: 50 }, { width: 51, height: 25 })).toEqual({
      width: 102,
      height: 50,
    });
    expect(spanned({ width: 1024, height: 1 }, { width: 1024, height: 1 })).toEqual({
      width: 1024,
      height: 1,
    });
  });

  it("makes regions that include both corners", () => {
    expect(regionBetween({ x: 5, y: 9 }, { x: 2, y: 9 })).toEqual({ x0: 2, y0: 9, width: 4, height: 1 });
  });
});

describe("axes", () => {
  it("shows as many decimals as pixels need", () => {
    expect(axisText(axis(0.05, -3.2, "1/nm"), 0)).toBe("−3.20 1/nm");
    expect(axisText(axis(2, 0, "nm"), 30)).toBe("60 nm");
    const elements = { ...axis(1, 0, ""), size: 2, names: ["Fe", "O"] };
    expect([0, 1, 2].map((index) => axisText(elements, index))).toEqual(["Fe", "O", "2"]);
    expect([elements, axis(1, 0, ""), axis(1, 0, "px"), axis(1, 0, "nm")].map(isTold)).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect(axisText(axis(1, 0, ""), 7)).toBe("7");
    expect(axisText(axis(0.5, 200, "eV"), 3)).toBe("201.5 eV");
  });

  it("writes numbers for people", () => {
    expect([1234, -0.0123456, 0, Number.NaN, 1e-7, 37.25, 123456.7].map(numberText)).toEqual([
      "1234",
      "−0.01235",
      "0",
      "no value",
      "1.00e-7".replaceAll("-", "−"),
      "37.25",
      "123457",
    ]);
  });

  it("chooses round bars of at most a third", () => {
    expect([niceBelow(7.3), niceBelow(0.034), niceBelow(20), niceBelow(0)]).toEqual([5, 0.02, 20, 0]);
    expect(scaleBar(axis(2, 0, "nm"), 56)).toEqual({ share: 20 / 112, label: "20 nm" });
    expect(scaleBar(axis(100, 0, "nm"), 100)?.label).toBe("2 µm");
    expect(scaleBar(axis(0.0001, 0, "nm"), 100)?.label).toBe("2 pm");
    expect(scaleBar(axis(1, 0, ""), 100)?.label).toBe("20 px");
    expect(scaleBar(axis(0, 0, "nm"), 100)).toBeNull();
  });

  it("takes an uneven axis at its own values", () => {
    for (const values of [
      [1, 2, 4, 8],
      [9, 4, 1, -3],
    ]) {
      const energy = uneven(values);
      values.forEach((value, index) => {
        expect(valueAt(energy, index)).toBe(value);
        expect(indexAt(energy, value)).toBe(index);
      });
      for (const index of [-0.5, 0.25, 1.5, 2.75, 3.5]) {
        expect(indexAt(energy, valueAt(energy, index))).toBeCloseTo(index, 12);
      }
    }
    const energy = uneven([1, 2, 4, 8]);
    expect(axisText(energy, 0)).toBe("1.0 eV");
    expect(axisText(uneven([1.55, 1.65, 1.77]), 1)).toBe("1.65 eV");
    expect(extent(energy, 1, 2)).toBe(6 - 1.5);
    expect(scaleBar(energy, 4)).toBeNull();
  });

  it("draws equal steps of the value equally long", () => {
    const even = along(axis(0.5, 200, "eV"), 8);
    expect([even.share(0), even.share(2), even.pixel(0.75)]).toEqual([0, 0.25, 6]);
    const { share, pixel } = along(uneven([1, 2, 4, 8]), 4);
    // From 0.5 to 10: the edges of the first and the last pixel.
    expect(share(0)).toBe(0);
    expect(share(4)).toBe(1);
    expect(share(0.5)).toBeCloseTo(0.5 / 9.5);
    expect(share(3.5)).toBeCloseTo(7.5 / 9.5);
    for (const place of [0, 0.3, 1.5, 2.75, 4]) {
      expect(pixel(share(place))).toBeCloseTo(place, 12);
    }
    const falling = along(uneven([9, 4, 1, -3]), 4);
    expect(falling.share(0.5)).toBeLessThan(falling.share(1.5));
    expect(falling.pixel(falling.share(3.25))).toBeCloseTo(3.25, 12);
  });

  it("puts ticks on round values inside the range", () => {
    expect(ticks(200, 711.5, 5)).toEqual([200, 400, 600]);
    expect(ticks(200, 711.5, 6)).toEqual([200, 300, 400, 500, 600, 700]);
    expect(ticks(-0.31, 0.3, 4)).toEqual([-0.2, 0, 0.2]);
    expect(ticks(0, 0, 5)).toEqual([]);
  });

  it("names ticks alike, with the digits that tell them apart", () => {
    const named = (low: number, high: number): string[] => tickTexts(ticks(low, high, 4));
    expect(named(153.79, 153.83)).toEqual(["153.79", "153.80", "153.81", "153.82", "153.83"]);
    expect(named(-0.31, 0.3)).toEqual(["\u22120.2", "0.0", "0.2"]);
    expect(named(0, 2600)).toEqual(["0", "1000", "2000"]);
    expect(named(0, 4.2e-5)).toEqual(["0", "2e-5", "4e-5"].map((text) => text.replace("-", "\u2212")));
    for (const low of [-3e9, -1, 0, 1e-5, 153.8, 65_535, 1e7, 4e12]) {
      for (const share of [1e-9, 1e-6, 1e-3, 0.1, 3]) {
        const texts = named(low, low + share * (Math.abs(low) || 1));
        expect(new Set(texts).size).toBe(texts.length);
        expect(texts.length).toBeGreaterThan(1);
      }
    }
    // No step leads from one to the next.
    expect(ticks(153.8, 153.8 + 6e-14, 4).length).toBeLessThan(17);
  });
});

describe("slider", () => {
  it("gives back the values it shows", () => {
    for (const [low, high, usual, whole] of [
      [0, 1, 0.5, false],
      [1, 128, 4, false],
      [1, 512, 5, true],
      [-1, 1, 0.5, false],
      [2, 1000, 5.2, false],
      [1, 100_000, 20, true],
    ] as const) {
      const scale = scaleFor(low, high, whole, usual);
      expect(toValue(toPosition(usual, scale), scale)).toBeCloseTo(usual, 1);
      expect([toValue(0, scale), toValue(1000, scale)]).toEqual([low, high]);
      if (whole) {
        expect(Number.isInteger(toValue(333, scale))).toBe(true);
      }
    }
  });

  it("leaves room for usual values far below the limit", () => {
    expect(toPosition(4, scaleFor(1, 128, false, 4))).toBeGreaterThan(200);
    // A range of many factors goes through them in equal steps.
    const wide = scaleFor(1, 100_000, true, 1);
    expect([0, 200, 400, 600, 800, 1000].map((at) => toValue(at, wide))).toEqual([1, 10, 100, 1e3, 1e4, 1e5]);
  });
});
