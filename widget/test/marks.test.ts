import { beforeEach, describe, expect, it, vi } from "vitest";
import { peakText } from "../src/panels/pane";
import type { PanelContext } from "../src/panels/registry";
import { withPictures } from "../src/panels/with_pictures";
import type { Picture } from "../src/state/picture";
import { Store } from "../src/state/store";
import { INITIAL_VIEW } from "../src/state/view";
import { eachLaidOut, patternOf, pointer } from "./laid_out";
import { eachOnAFreshPage, hook, pass, show } from "./mounted";

eachOnAFreshPage();
eachLaidOut();

describe("the canvas of the marks", () => {
  beforeEach(() => {
    const pixels = (width: number, height: number): unknown => ({
      data: new Uint8ClampedArray(width * height * 4),
    });
    const nothing = new Proxy(
      {},
      { get: (_, name) => (name === "createImageData" ? pixels : () => ({})), set: () => true },
    );
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(nothing as never);
  });
  const hidden = (element: HTMLElement, of: string): unknown =>
    element.querySelector<HTMLElement>(`.st-surface-${of} .st-marks`)?.hidden;

  it("is there where something is drawn, and not over a plain pattern", async () => {
    const { element, st } = await show();
    expect([hidden(element, "navigator"), hidden(element, "signal")]).toEqual([false, true]);
    st("tree-node-peaks").click();
    await pass();
    expect(hidden(element, "signal")).toBe(false);
    st("tree-node-flat").click();
    await pass();
    expect(hidden(element, "signal")).toBe(true);
  });

  it("has no part in the scale bar, which is gone where pixels differ in size", async () => {
    const { element, kernel } = await show();
    const bar = element.querySelector<HTMLElement>(".st-surface-navigator .st-scale-bar");
    expect(bar?.hidden).toBe(false);
    expect(bar?.textContent).toBe("20 nm");
    for (const node of kernel.nodes) {
      node.navigation_axes = node.navigation_axes.map((axis) => ({
        ...axis,
        values: Array.from({ length: axis.size }, (_, i) => i * i),
      }));
    }
    kernel.changed();
    await pass();
    expect(bar?.hidden).toBe(true);
  });
});

describe("peaks", () => {
  it("that fit badly are dashed, the others are not", async () => {
    // Circles of each path, and the dashes it was stroked with.
    const drawn: { circles: number; dash: number[] }[] = [];
    let [circles, dash] = [0, [] as number[]];
    const known: Record<string, (...given: never[]) => unknown> = {
      beginPath: () => {
        circles = 0;
      },
      arc: () => {
        circles += 1;
      },
      setLineDash: (wanted: number[]) => {
        dash = wanted;
      },
      stroke: () => drawn.push({ circles, dash }),
      createImageData: (width: number, height: number) => ({
        data: new Uint8ClampedArray(width * height * 4),
      }),
    };
    const context = new Proxy({}, { get: (_, name) => known[String(name)] ?? (() => ({})), set: () => true });
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
    const { st } = await show();
    drawn.length = 0;
    st("tree-node-peaks").click();
    await pass();
    const most = (isDashed: boolean): number =>
      Math.max(0, ...drawn.filter(({ dash }) => dash.length > 0 === isDashed).map(({ circles }) => circles));
    const count = hook().frame?.peaks ?? 0;
    expect(count).toBeGreaterThan(3);
    expect([most(false), most(true)]).toEqual([count - 1, 1]);
  });
});

describe("a peak under the pointer", () => {
  it("tells its place with errors, and what else the finder knows of it", async () => {
    const { element, st } = await show({ node: 3 });
    const peaks = (hook().state() as unknown as { view: { picture: Picture } }).view.picture.peaks ?? [];
    const over = (peak: number): string => {
      const [ky = 0, kx = 0] = peaks[peak] ?? [];
      pointer(patternOf(element), "move", (kx + 0.5) * 3 + 1, (ky + 0.5) * 3);
      return st("signal-readout").textContent ?? "";
    };
    const place = (peak: number): string =>
      `ky ${peaks[peak]?.[0]?.toFixed(2)} ± 0.01, kx ${peaks[peak]?.[1]?.toFixed(1)} ± 0.2 px`;
    expect(over(0)).toBe(`${place(0)} · misfit 1 · score 40 · spread 0.0312 px²`);
    expect(over(1)).toBe(`${place(1)} · misfit 1 · score 39`);
    pointer(patternOf(element), "move", 2, 2);
    expect(st("signal-readout").textContent).toMatch(/^ky .*, kx .* · /);
  });

  it("has no errors where the finder knows none", () => {
    const axes = ["ky", "kx"].map((name) => ({ name, size: 9, scale: 1, offset: 0, units: "px" }));
    const none = Number.NaN;
    expect(peakText(Float32Array.of(4, 5.25, none, none, none, 1234.5, none), axes)).toBe(
      "ky 4.0, kx 5.3 px · score 1230",
    );
    expect(peakText(Float32Array.of(4, 5.25, 0.98, 2.5, 0.00004, 31.2, -0.0123), axes)).toBe(
      "ky 4 ± 3, kx 5.25000 ± 0.00004 px · misfit 0.98 · score 31.2 · spread −0.0123 px²",
    );
  });
});

describe("marks of a drag", () => {
  it("come with the next picture, or soon; at once where none is on its way", async () => {
    let now = 1000;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const view = new Store(INITIAL_VIEW);
    const { signal } = new AbortController();
    let drawn = 0;
    const moved = withPictures(() => (drawn += 1), { view, signal } as unknown as PanelContext);
    const picture = (): void => view.set({ picture: {} as Picture });
    moved();
    expect(drawn).toBe(1);
    picture();
    moved();
    moved();
    expect(drawn).toBe(1);
    picture();
    expect(drawn).toBe(2);
    picture();
    expect(drawn).toBe(2);
    moved();
    await pass(60);
    expect(drawn).toBe(3);
    now += 200;
    moved();
    expect(drawn).toBe(4);
  });
});

describe("the canvas of a picture", () => {
  it("is another one where samples are missing, and lies where the first did", async () => {
    const asked: unknown[] = [];
    const data = { data: { buffer: new ArrayBuffer(16) } };
    const context = new Proxy({}, { get: () => () => data, set: () => true });
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(((_: string, options: unknown) => {
      asked.push(options);
      return context;
    }) as never);
    const { Surface } = await import("../src/render/surface");
    const surface = new Surface("signal", "", new AbortController().signal);
    const image = (): HTMLCanvasElement => surface.element.querySelector(".st-image") as HTMLCanvasElement;
    const first = image();
    const gaps = (samples: number[]): [boolean, unknown, boolean] => {
      const size = { width: 2, height: 2 };
      const colormap = { name: "", title: "", points: ["#000000", "#ffffff"], kind: "sequential" as const };
      surface.show(
        {
          pixels: { samples: Float32Array.from(samples), packed: null },
          size,
          full: size,
          part: { x0: 0, y0: 0, ...size },
          block: 1,
          axis: null,
          writing: { factor: 1, units: "" },
        },
        { low: 0, high: 1 },
        { colormap, gamma: 1, log: false },
      );
      const { width, style } = image();
      expect([width, style.width, style.left]).toEqual([2, "100%", "0%"]);
      return [surface.element.querySelector(".st-gaps") !== null, asked.at(-1), image() === first];
    };
    expect(gaps([0, 1, 0, 1])).toEqual([false, { alpha: false }, true]);
    expect(gaps([0, Number.NaN, 0, 1])).toEqual([true, { alpha: true }, false]);
    expect(gaps([0, 1, 0, 1])).toEqual([false, { alpha: false }, false]);
  });
});
