import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { categories, hues, twilight } from "../dev/colormaps";
import { wheelOf } from "../src/panels/layers/key";
import { valueText } from "../src/panels/values";
import { type Colormap, colormapNamed, colours } from "../src/render/colormap";
import { paintComposed, turnOf } from "../src/render/composite";
import { automaticLevels } from "../src/render/levels";
import { type Contrast, Painter } from "../src/render/table";
import { colormapsFor, contrastOf, DEFAULT_CONTRAST } from "../src/state/contrast";
import { deflectionAt, deflectionTree, SCAN } from "./fixtures";
import { eachOnAFreshPage, hook, pass, show, type } from "./mounted";

const HSV: Contrast = { colormap: colormapNamed("hsv"), gamma: 1, log: false };

function bytes(words: Uint32Array): number[][] {
  const all = new Uint8Array(words.buffer);
  return Array.from(words, (_, i) => [...all.subarray(4 * i, 4 * i + 4)]);
}

function vectors(pairs: [number, number][], contrast = HSV, high = 2): number[][] {
  const target = new Uint32Array(pairs.length);
  const of = (at: 0 | 1): Float32Array => Float32Array.from(pairs, (pair) => pair[at]);
  paintComposed({ type: "wheel", y: of(0), x: of(1) }, target, { low: 0, high }, contrast);
  return bytes(target);
}

describe("the colours of a wheel", () => {
  it("turn from the right, downwards, and grow with the length", () => {
    expect(
      vectors([
        [0, 2],
        [0, 1],
        [0, 9],
        [0, 0],
      ]),
    ).toEqual([
      [255, 0, 0, 255],
      [128, 0, 0, 255],
      [255, 0, 0, 255],
      [0, 0, 0, 255],
    ]);
    const [down = [], left = [], up = []] = vectors([
      [2, 0],
      [0, -2],
      [-2, 0],
    ]);
    // Yellow-green, cyan, violet: a quarter, a half and three quarters of the hues of HSV.
    for (const [found, exact] of [
      [down, [128, 255, 0]],
      [left, [0, 255, 255]],
      [up, [128, 0, 255]],
    ] as const) {
      for (const [i, channel] of exact.entries()) {
        expect(Math.abs((found[i] ?? 0) - channel)).toBeLessThanOrEqual(1);
      }
    }
    expect([turnOf(0, 1), turnOf(1, 0), turnOf(0, -1), turnOf(-1, 0)]).toEqual([0, 0.25, 0.5, 0.75]);
    for (let i = 0; i < 1000; i++) {
      const [y, x] = [Math.sin(0.00629 * i) * (i + 1), Math.cos(0.00629 * i) * (i + 1)];
      // The error of the polynomial, 1e-5 radians.
      expect(Math.abs(turnOf(y, x) - ((Math.atan2(y, x) / (2 * Math.PI) + 1) % 1))).toBeLessThan(2e-6);
    }
  });

  it("are those of pyxem", () => {
    const golden = JSON.parse(readFileSync("../tests/golden/composite_wheel.json", "utf8"));
    const rows = golden.rows as [number, number, number, number, number][];
    const drawn = vectors(
      rows.map(([y, x]) => [y, x]),
      HSV,
      golden.rim,
    );
    expect(rows).toHaveLength(48);
    for (const [i, row] of rows.entries()) {
      for (const channel of [0, 1, 2]) {
        // Two roundings to whole numbers: of the hue, and of hue times brightness.
        const off = Math.abs((drawn[i]?.[channel] ?? 0) - (row[channel + 2] ?? 0));
        expect(off, String(row)).toBeLessThanOrEqual(1.01);
      }
    }
  });

  it("leave a gap where a component is missing", () => {
    const gap = [0, 0, 0, 0];
    expect(
      vectors([
        [Number.NaN, 1],
        [1, Number.NaN],
        [1, Number.POSITIVE_INFINITY],
      ]),
    ).toEqual([gap, gap, gap]);
  });

  it("follow gamma, logarithm and levels", () => {
    expect(vectors([[0, 0.5]], { ...HSV, gamma: 0.5 })[0]?.[0]).toBe(128);
    expect(vectors([[0, 0.02]], { ...HSV, log: true })[0]?.[0]).toBeGreaterThan(80);
    expect(vectors([[0, 1]], HSV, 1)[0]?.[0]).toBe(255);
    expect(automaticLevels([3, 9], [1, 90], { type: "wheel" })).toEqual({ low: 0, high: 9 });
    expect(automaticLevels([3, 9], [1, 90], { type: "cyclic", period: 360 })).toEqual({ low: 0, high: 360 });
  });

  it("stand in the key where they point to", () => {
    const side = 41;
    const target = new Uint32Array(side * side);
    paintComposed(wheelOf(side), target, { low: 0, high: 1 }, HSV);
    const at = (row: number, column: number): number[] => bytes(target)[row * side + column] ?? [];
    expect(at(20, 40).slice(0, 3)).toEqual(vectors([[0, 40 / 41]], HSV, 1)[0]?.slice(0, 3));
    expect(at(40, 20)[1]).toBeGreaterThan(240);
    expect(at(20, 20)).toEqual([0, 0, 0, 255]);
    expect(at(0, 0)).toEqual([0, 0, 0, 0]);
  });
});

describe("three images in one", () => {
  it("are red, green and blue between levels of their own", () => {
    const target = new Uint32Array(2);
    const levels = [
      { low: 0, high: 1 },
      { low: 0, high: 100 },
      { low: -1, high: 1 },
    ];
    const channels = [Float32Array.of(1, 0), Float32Array.of(20, 0), Float32Array.of(0, Number.NaN)];
    const gaps = paintComposed({ type: "rgb", channels, levels }, target, { low: 0, high: 1 }, HSV);
    expect(bytes(target)).toEqual([
      [255, 51, 128, 255],
      [0, 0, 0, 0],
    ]);
    expect(gaps).toBe(true);
  });
});

describe("values that come back, and names", () => {
  const paint = (values: number[], contrast: Contrast, high: number): number[][] => {
    const painter = new Painter();
    painter.set({ low: 0, high }, contrast);
    const target = new Uint32Array(values.length);
    painter.paint({ samples: Float32Array.from(values), packed: null }, target);
    return bytes(target);
  };

  it("have the colour of the same angle", () => {
    const contrast = contrastOf(DEFAULT_CONTRAST, "cyclic");
    const [a, b, c, gap, low] = paint([30, 390, -330, Number.NaN, 0], contrast, 360);
    expect(a).toEqual(b);
    expect(a).toEqual(c);
    expect(gap).toEqual([0, 0, 0, 0]);
    const first = bytes(colours(contrast.colormap, 2))[0];
    expect(low).toEqual(first);
    expect(paint([360], contrast, 360)[0]).toEqual(first);
  });

  it("have one colour for each name, and none where there is no name", () => {
    const contrast = contrastOf(DEFAULT_CONTRAST, "categorical");
    const map: Colormap = contrast.colormap;
    const hex = (pixel: number[] | undefined): string =>
      `#${(pixel ?? [])
        .slice(0, 3)
        .map((byte) => byte.toString(16).padStart(2, "0"))
        .join("")}`;
    const count = map.points.length;
    const drawn = paint([0, 1, count - 1, count, -1, Number.NaN], contrast, 1);
    expect(drawn.slice(0, 4).map(hex)).toEqual([
      map.points[0],
      map.points[1],
      map.points.at(-1),
      map.points[0],
    ]);
    expect(drawn.slice(4)).toEqual([
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
  });

  it("are drawn with the colours of the formula", () => {
    expect(colormapNamed("hues").points).toEqual(hues());
    expect(colormapNamed("twilight").points).toEqual(twilight());
    expect(colormapNamed("categories").points).toEqual(categories());
    expect(new Set(categories()).size).toBe(categories().length);
  });

  it("take no colormap that cannot show them", () => {
    const names = (kind: "wheel" | "categorical" | "map"): string[] =>
      colormapsFor(kind).map(({ name }) => name);
    expect(names("wheel")).toEqual(["twilight", "hues", "hsv"]);
    expect(names("categorical")).toEqual(["categories"]);
    expect(names("map")).not.toContain("categories");
    const choices = { ...DEFAULT_CONTRAST, wheel: { colormap: "magma", gamma: 2, log: false } };
    expect(contrastOf(choices, "wheel")).toMatchObject({ colormap: { name: "hues" }, gamma: 2 });
  });
});

describe("a map of vectors", () => {
  eachOnAFreshPage();
  const shown = async (picture: string) => {
    const view = await show({ node: 6 }, { nodes: deflectionTree() });
    view.st(picture).click();
    await pass(2000);
    return view;
  };

  it("offers its composite beside its images, with a key, levels of the lengths and the cyclic colormaps", async () => {
    const { st, model, requests } = await shown("composite-deflection");
    expect(hook().frame).toMatchObject({ node: 6, component: 4 });
    expect(requests("frame").at(-1)).toMatchObject({ component: 4 });
    expect(st("key").hidden).toBe(false);
    expect(st("key").getAttribute("aria-label")).toContain("from +x, to the right, towards +y, down");
    const lengths = Array.from({ length: SCAN.ny * SCAN.nx }, (_, i) => {
      const [y, x] = deflectionAt(Math.floor(i / SCAN.nx), i % SCAN.nx);
      return Math.hypot(y, x);
    })
      .filter(Number.isFinite)
      .sort((a, b) => a - b);
    await pass(600);
    const levels = (model.traits.levels as Record<string, { low: number; high: number }>)["6.4"];
    expect(levels?.low).toBe(0);
    expect(levels?.high).toBeCloseTo(lengths[Math.floor(0.99 * (lengths.length - 1))] ?? 0, 5);
    expect(st("key-rim").textContent).toBe(`rim ${levels?.high.toPrecision(4)} px`);
    const options = [...(st("levels-colormap") as HTMLSelectElement).options].map(({ value }) => value);
    expect(options).toEqual(["twilight", "hues", "hsv"]);
    type(st("levels-colormap"), "hsv");
    type(st("levels-high-value"), "1");
    await pass(600);
    expect(model.traits.colormap).toMatchObject({ wheel: "hsv", diverging: "diverging" });
    expect(st("key-rim").textContent).toBe("rim 1 px");
    st("component-dx").click();
    await pass(600);
    expect(st("key").hidden).toBe(true);
    expect(hook().frame).toMatchObject({ component: 1 });
  });

  it("says under the pointer what a composite is drawn from", () => {
    const [, node] = deflectionTree();
    const at = (y: number, x: number, block = 1): string =>
      node
        ? valueText(node, 4, { value: Math.hypot(y, x), planes: [y, x], width: block, height: block })
        : "";
    expect(at(3, 4)).toBe("Δy 3 px, Δx 4 px · Deflection 5 px at 37°");
    expect(at(0, -2)).toBe("Δy 0 px, Δx −2 px · Deflection 2 px at 180°");
    expect(at(-1, 0, 2)).toBe("Δy −1 px, Δx 0 px · Deflection 1 px at 270°, mean of 2 × 2");
    expect(at(0, 0)).toBe("Δy 0 px, Δx 0 px · Deflection 0 px");
    expect(at(Number.NaN, 1)).not.toContain("°");
  });

  it("names categories, and picks instead of taking means of angles", async () => {
    const { st } = await shown("component-grain");
    expect(st("key").textContent).toBe("matrixtwinvoid");
    const [, node] = deflectionTree();
    const sample = { value: 1, width: 2, height: 2 };
    expect(node && valueText(node, 3, sample)).toBe("Grain twin, one of 2 × 2");
    expect(node && valueText(node, 2, { ...sample, value: 370 })).toBe("Phase 370 °, one of 2 × 2");
    st("component-phase").click();
    await pass(600);
    expect((st("levels-high-value") as HTMLInputElement).value).toBe("360");
    expect((st("levels-high-value") as HTMLInputElement).disabled).toBe(true);
  });

  it("draws three images in one, with what each channel spans", async () => {
    const { st } = await shown("composite-mixed");
    expect(hook().frame).toMatchObject({ component: 5 });
    expect(st("key").textContent).toMatch(/^Δy .* to .* pxΔx .* to .* pxPhase .* to .* °$/);
  });
});
