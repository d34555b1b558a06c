import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AxisDescription, NodeDescription } from "../src/protocol/generated";
import * as plots from "../src/render/plot";
import { lineTree, savedTree } from "./fixtures";
import { eachOnAFreshPage, hook, pass, press, show } from "./mounted";

eachOnAFreshPage();

describe("a map", () => {
  it("starts its computation, fills, and moves the position by keys", async () => {
    const { st, requests } = await show({ node: 4 }, { mapStep: 0.25 });
    expect(requests("compute")).toHaveLength(1);
    await pass(2000);
    expect(hook().frame).toMatchObject({ node: 4, complete: 1 });
    const asked = requests("frame").length;
    press(st("signal-canvas"), "ArrowRight");
    await pass();
    expect(hook().state().position).toEqual([3, 8]);
    expect(requests("frame")).toHaveLength(asked);
  });

  it("shows progress and can be cancelled and resumed", async () => {
    const { st, requests } = await show({ node: 4 }, { mapStep: 0.01 });
    expect(st("status-progress").hidden).toBe(false);
    expect(Number(st("status-progress").getAttribute("aria-valuenow"))).toBeGreaterThan(0);
    st("status-cancel").click();
    await pass();
    expect(requests("cancel")).toEqual([expect.objectContaining({ node: 4 })]);
    expect(st("status-progress").hidden).toBe(true);
    expect(st("status-compute").hidden).toBe(false);
    const asked = requests("compute").length;
    await pass(2000);
    expect(requests("compute")).toHaveLength(asked);
    st("status-compute").click();
    await pass();
    expect(requests("compute")).toHaveLength(asked + 1);
  });

  it("switches between its images and remembers the choice", async () => {
    const { st, model } = await show({ node: 4 });
    st("component-theta").click();
    await pass(600);
    expect(hook().frame).toMatchObject({ node: 4, component: 3 });
    st("tree-node-flat").click();
    await pass();
    st("tree-node-strain").click();
    await pass();
    expect(hook().frame).toMatchObject({ node: 4, component: 3 });
    expect(model.traits.component).toBe(3);
  });
});

describe("a saved map that is opened", () => {
  it("has no navigator, but its names, units and levels", async () => {
    const { st, requests, element } = await show({ node: 4 }, { nodes: savedTree() });
    expect(element.querySelector<HTMLElement>(".st-panel-navigator")?.hidden).toBe(true);
    expect(requests("navigator")).toHaveLength(0);
    expect(st("component-theta").textContent).toContain("θ");
    expect(st("levels-units").textContent).toBe("%");
    expect(st("levels-symmetric").getAttribute("aria-pressed")).toBe("true");
  });

  it("keeps the sliders of slower axes", async () => {
    const { st, element } = await show({ node: 4, position: [1, 2, 3, 7] }, { nodes: savedTree(true) });
    expect(element.querySelector<HTMLElement>(".st-panel-navigator")?.hidden).toBe(false);
    expect(element.querySelector<HTMLElement>(".st-surface-navigator")?.hidden).toBe(true);
    expect(st("axis-tilt-slider")).toBeTruthy();
  });
});

describe("a map of a line", () => {
  /** What was plotted last. */
  let drawn: plots.Line | null = null;
  beforeEach(() => {
    const nothing = new Proxy({}, { get: () => () => ({}), set: () => true });
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(nothing as never);
    vi.spyOn(plots, "drawPlot").mockImplementation((_context, _area, _whole, line) => {
      drawn = line;
    });
    drawn = null;
  });
  afterEach(() => vi.restoreAllMocks());

  const plotted = (
    nodes: NodeDescription[],
    which: (axes: AxisDescription[]) => AxisDescription | undefined,
  ) => {
    expect(drawn?.axis).toEqual(which(nodes[0]?.navigation_axes ?? []));
    expect(drawn?.samples).toHaveLength(9);
    expect(drawn?.writing).toEqual({ factor: 100, units: "%" });
  };

  it("is a curve over its axis, whichever way it runs, without levels", async () => {
    for (const [sizes, which] of [
      [[9], 0],
      [[1, 9], 1],
      [[9, 1], 0],
    ] as const) {
      const nodes = lineTree(...sizes);
      const { element, end } = await show({ node: 4, position: sizes.map(() => 0) }, { nodes });
      await pass();
      plotted(nodes, (axes) => axes[which]);
      expect(element.querySelector<HTMLElement>(".st-panel-levels")?.hidden).toBe(true);
      end.abort();
    }
  });

  it("of a single position is a number with its unit", async () => {
    const { st } = await show({ node: 4, position: [0, 0] }, { nodes: lineTree(1, 1) });
    await pass();
    expect(drawn).toBeNull();
    expect(st("signal-number").hidden).toBe(false);
    expect(st("signal-number").textContent).toMatch(/^ε_xx −?\d.* %$/);
    st("component-residual").click();
    await pass();
    expect(st("signal-number").textContent).toMatch(/^Residual \S+ px$/);
  });
});

describe("a column of a picture", () => {
  it("lies along the plot, and its pixels along the scan", async () => {
    const { Surface } = await import("../src/render/surface");
    const surface = new Surface("signal", "", new AbortController().signal);
    const nothing = { low: 0, high: 1 };
    const contrast = {
      colormap: { name: "", title: "", points: ["#000000", "#ffffff"], kind: "sequential" as const },
      gamma: 1,
      log: false,
    };
    surface.show(
      {
        pixels: { samples: Float32Array.of(1, 2, 3, 4), packed: null },
        size: { width: 1, height: 4 },
        full: { width: 1, height: 4 },
        part: { x0: 0, y0: 0, width: 1, height: 4 },
        block: 1,
        axis: null,
        writing: { factor: 1, units: "" },
      },
      nothing,
      contrast,
    );
    expect(surface.isLine && surface.isColumn).toBe(true);
    expect(surface.span).toEqual({ width: 1, height: 4 });
    const at = surface.at(0.5, 2.5);
    const event = { clientX: at.x, clientY: at.y, timeStamp: 0 } as MouseEvent;
    const back = surface.pixelsOf(event);
    expect([back.x, back.y].map((value) => Number(value.toFixed(9)))).toEqual([0.5, 2.5]);
    expect(surface.sampleAt({ x: 0, y: 2 })?.value).toBe(3);
  });
});
