import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { panBy, placeZoomed, WHOLE, zoomAbout } from "../src/geometry/zoom";
import signaltree from "../src/index";
import { PROTOCOL_VERSION } from "../src/protocol/generated";
import { differences, valueText } from "../src/state/differences";
import { FakeKernel, type FakeKernelOptions } from "./fake_kernel";
import { FakeModel } from "./fake_model";
import { detectorTree, OPERATIONS, strainTree } from "./fixtures";

interface Mounted {
  model: FakeModel;
  kernel: FakeKernel;
  element: HTMLElement;
  abort: AbortController;
  st(name: string): HTMLElement;
  panes(): HTMLElement[];
  titles(): string[];
  requests(type: string): Record<string, unknown>[];
}

const mountedViews: AbortController[] = [];

async function mount(
  traits: Record<string, unknown> = {},
  options: FakeKernelOptions = {},
): Promise<Mounted> {
  const model = new FakeModel({ protocol: PROTOCOL_VERSION, node: 1, position: [3, 7], ...traits });
  const kernel = new FakeKernel(model, { mapStep: 1, ...options });
  const element = document.createElement("div");
  document.body.append(element);
  const abort = new AbortController();
  mountedViews.push(abort);
  const widget = signaltree();
  widget.initialize({ model, signal: abort.signal });
  widget.render({ model, el: element, signal: abort.signal });
  await vi.advanceTimersByTimeAsync(400);
  const panes = (): HTMLElement[] => [...element.querySelectorAll<HTMLElement>(".st-pane")];
  return {
    model,
    kernel,
    element,
    abort,
    panes,
    titles: () => panes().map((pane) => pane.querySelector("[data-st=signal-title]")?.textContent ?? ""),
    st: (name) => {
      const found = element.querySelector<HTMLElement>(`[data-st="${name}"]`);
      if (!found) {
        throw new Error(`no element ${name}`);
      }
      return found;
    },
    requests: (type) => (model.sent as Record<string, unknown>[]).filter((request) => request.type === type),
  };
}

interface Hook {
  frame: { node: number; index: number[]; component: number; checksum: number } | null;
  state: () => { position: number[]; node: number; levels: Record<string, { low: number; high: number }> };
}

const hook = (): Hook => (globalThis as unknown as { __signaltree_test: Hook }).__signaltree_test;

function press(element: HTMLElement, key: string, held: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...held });
  element.dispatchEvent(event);
  return event;
}

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame", "cancelAnimationFrame", "performance"],
  });
});

afterEach(() => {
  for (const abort of mountedViews.splice(0)) {
    abort.abort();
  }
  document.body.replaceChildren();
  vi.useRealTimers();
});

describe("panes", () => {
  it("show a node beside the selected one, at the same scan position", async () => {
    const { st, panes, titles, requests } = await mount();
    st("compare-node-flat").click();
    await vi.advanceTimersByTimeAsync(400);
    expect(titles()).toEqual(["scan · Strained grain", "flat · Radial median"]);
    expect(panes()[0]?.classList.contains("st-focused")).toBe(true);
    expect(hook().state().node).toBe(1);
    expect(st("compare-node-flat").getAttribute("aria-pressed")).toBe("true");
    press(st("navigator-canvas"), "ArrowRight");
    await vi.advanceTimersByTimeAsync(400);
    const last = requests("frame").slice(-2);
    expect(new Set(last.map(({ node }) => node))).toEqual(new Set([1, 2]));
    expect(new Set(last.map(({ view }) => view)).size).toBe(2);
    expect(last.every(({ index }) => String(index) === "3,8")).toBe(true);
    // What tests and scripts see is the focused picture.
    expect(hook().frame?.node).toBe(1);
  });

  it("follow a drag with one request in flight each", async () => {
    const { st, requests } = await mount({}, { delayMs: 100 });
    st("compare-node-flat").click();
    await vi.advanceTimersByTimeAsync(600);
    const before = requests("frame").length;
    for (let i = 0; i < 12; i++) {
      press(st("navigator-canvas"), "ArrowRight");
    }
    expect(requests("frame").length - before).toBe(2);
    await vi.advanceTimersByTimeAsync(1000);
    const asked = requests("frame").slice(before);
    expect(asked.length).toBeLessThanOrEqual(6);
    expect(asked.slice(-2).map(({ index }) => index)).toEqual([
      [3, 19],
      [3, 19],
    ]);
    expect(asked[0]?.direction).toEqual([0, 1]);
  });

  it("are focused by their heads and closed, and the tree shows the focused node", async () => {
    const { st, panes, titles, model } = await mount();
    st("compare-node-flat").click();
    st("compare-node-peaks").click();
    await vi.advanceTimersByTimeAsync(400);
    panes()[1]?.querySelector<HTMLElement>(".st-head")?.click();
    expect(hook().state().node).toBe(2);
    expect(st("tree-node-flat").getAttribute("aria-selected")).toBe("true");
    expect(st("parameter-center")).toBeTruthy();
    st("tree-node-strain").click();
    expect(titles()).toEqual([
      "scan · Strained grain",
      "strain · Strain map",
      "peaks · Find disks by correlation",
    ]);
    panes()[1]?.querySelector<HTMLElement>("[data-st=pane-close]")?.click();
    await vi.advanceTimersByTimeAsync(400);
    expect(titles()).toEqual(["scan · Strained grain", "peaks · Find disks by correlation"]);
    expect(model.traits.node).toBe(1);
    expect(model.traits.panes).toMatchObject([{ node: 1 }, { node: 3 }]);
  });

  it("come back after a reload", async () => {
    const panes = [
      { key: 0, node: 2, component: 0 },
      { key: 3, node: 4, component: 2 },
    ];
    const { titles, st, element } = await mount({ node: 4, component: 2, panes, focused: 3 });
    await vi.advanceTimersByTimeAsync(400);
    expect(titles()).toEqual(["flat · Radial median", "strain · Strain map"]);
    expect(hook().frame).toMatchObject({ node: 4, component: 2 });
    expect(st("panes").classList.contains("st-several")).toBe(true);
    expect(element.querySelectorAll("[role=tab][aria-selected=true]")).toHaveLength(1);
  });

  it("show two images of one map", async () => {
    const { st, panes, model } = await mount({ node: 4 });
    st("compare-node-strain").click();
    await vi.advanceTimersByTimeAsync(600);
    const selected = (pane: HTMLElement | undefined): string | undefined =>
      pane?.querySelector("[role=tab][aria-selected=true]")?.getAttribute("data-st") ?? undefined;
    expect(panes().map(selected)).toEqual(["component-e_xx", "component-e_yy"]);
    panes()[1]?.querySelector<HTMLElement>("[data-st=component-theta]")?.click();
    expect(panes().map(selected)).toEqual(["component-e_xx", "component-theta"]);
    await vi.advanceTimersByTimeAsync(400);
    expect(model.traits).toMatchObject({ component: 3, panes: [{ component: 0 }, { node: 4 }] });
  });

  it("show one image more of a map with each click, until all are there or four", async () => {
    const { st, panes, element } = await mount({ node: 4 });
    const shown = (): (string | null | undefined)[] =>
      panes().map((pane) => pane.querySelector("[role=tab][aria-selected=true]")?.getAttribute("data-st"));
    const click = (): boolean =>
      st("tree-node-strain").dispatchEvent(new MouseEvent("click", { bubbles: true, ctrlKey: true }));
    click();
    click();
    click();
    expect(shown()).toEqual(["component-e_xx", "component-e_yy", "component-e_xy", "component-theta"]);
    click();
    expect(panes()).toHaveLength(4);
    expect(st("status-message").textContent).toContain("4 pictures");
    expect(element.querySelectorAll("[data-st=pane-close]:not([hidden])")).toHaveLength(4);
  });

  it("show no node twice: what is pinned is gone to", async () => {
    const { st, titles, model } = await mount();
    st("compare-node-flat").click();
    const both = ["scan \u00b7 Strained grain", "flat \u00b7 Radial median"];
    st("tree-node-flat").click();
    expect(titles()).toEqual(both);
    await vi.advanceTimersByTimeAsync(400);
    expect(model.traits).toMatchObject({ node: 2, focused: 1 });
    st("tree-node-scan").click();
    expect(titles()).toEqual(both);
    expect(hook().state().node).toBe(1);
    st("tree-node-scan").dispatchEvent(new MouseEvent("click", { bubbles: true, ctrlKey: true }));
    expect(titles()).toEqual(both);
  });

  it("are at most four, and say so", async () => {
    const { st, panes } = await mount({ node: 4 });
    for (const name of ["strain", "scan", "flat", "peaks"]) {
      st(`compare-node-${name}`).click();
    }
    expect(panes()).toHaveLength(4);
    expect(st("status-message").textContent).toContain("4 pictures");
  });

  it("can be made by the keyboard", async () => {
    const { st, titles } = await mount();
    st("tree-node-scan").focus();
    press(st("tree"), "ArrowDown", { ctrlKey: true });
    expect(document.activeElement).toBe(st("tree-node-flat"));
    expect(hook().state().node).toBe(1);
    press(st("tree"), " ", { ctrlKey: true });
    expect(titles()).toEqual(["scan · Strained grain", "flat · Radial median"]);
    press(st("tree"), "c");
    expect(titles()).toEqual(["scan · Strained grain"]);
  });

  it("lose nodes that are removed", async () => {
    const { st, titles, kernel } = await mount();
    st("compare-node-strain").click();
    await vi.advanceTimersByTimeAsync(300);
    kernel.nodes = kernel.nodes.filter(({ id }) => id !== 4);
    kernel.changed();
    expect(titles()).toEqual(["scan · Strained grain", "peaks · Find disks by correlation"]);
    kernel.nodes = kernel.nodes.filter(({ id }) => id < 2);
    kernel.changed();
    expect(titles()).toEqual(["scan · Strained grain"]);
  });

  it("tell the kernel which of them are looked at", async () => {
    const { st, requests, element } = await mount();
    st("compare-node-flat").click();
    await vi.advanceTimersByTimeAsync(300);
    element.querySelector(".signaltree")?.dispatchEvent(new MouseEvent("pointerenter"));
    st("navigator-canvas").focus();
    const said = (): unknown[] => requests("attention").map(({ node, state }) => [node, state]);
    expect(said()).toEqual([[1, "focused"]]);
    st("tree-node-scan").blur();
    element.querySelectorAll<HTMLElement>(".st-head")[2]?.click();
    expect(said().slice(1)).toEqual(
      expect.arrayContaining([
        [2, "focused"],
        [1, "visible"],
      ]),
    );
    element.querySelector<HTMLElement>(".st-pane:nth-child(2) [data-st=pane-close]")?.click();
    expect(said()).toContainEqual([2, "hidden"]);
  });

  it("have the levels of the focused one on request", async () => {
    const { st, model } = await mount();
    expect(st("levels-same").hidden).toBe(true);
    st("compare-node-flat").click();
    await vi.advanceTimersByTimeAsync(400);
    expect(st("levels-same").hidden).toBe(false);
    st("levels-same").click();
    expect(st("levels-same").getAttribute("aria-pressed")).toBe("true");
    await vi.advanceTimersByTimeAsync(400);
    expect(model.traits.same_levels).toBe(true);
  });

  it("bring the pattern of a detector with them, until it is closed", async () => {
    const { st, panes, titles, model } = await mount({ node: 1 }, { nodes: detectorTree() });
    const name = detectorTree().at(-1)?.name ?? "";
    const scan = titles()[0] ?? "";
    st(`tree-node-${name}`).click();
    await vi.advanceTimersByTimeAsync(400);
    expect(titles()[0]).toBe(scan);
    expect(panes().map((pane) => pane.classList.contains("st-companion"))).toEqual([true, false]);
    // It goes with the selection, and is not remembered.
    expect(model.traits.panes).toEqual([]);
    st("tree-node-scan").click();
    expect(panes()).toHaveLength(1);
    // Closing the pattern of something else says nothing about detectors.
    st(`compare-node-${name}`).click();
    expect(panes()).toHaveLength(2);
    st(`compare-node-${name}`).click();
    st(`tree-node-${name}`).click();
    expect(panes()).toHaveLength(2);
    panes()[0]?.querySelector<HTMLElement>("[data-st=pane-close]")?.click();
    expect(panes()).toHaveLength(1);
    st("tree-node-scan").click();
    st(`tree-node-${name}`).click();
    await vi.advanceTimersByTimeAsync(400);
    expect(panes()).toHaveLength(1);
    expect(model.traits.companion).toBe(false);
    st("compare-node-scan").click();
    expect(panes().map((pane) => pane.classList.contains("st-companion"))).toEqual([true, false]);
  });

  it("show a branch beside what it comes from, and what both differ in", async () => {
    const { st, titles, element } = await mount({ node: 3 });
    expect(element.querySelector<HTMLElement>(".st-panel-differences")?.hidden).toBe(true);
    st("parameters-branch").click();
    await vi.advanceTimersByTimeAsync(400);
    expect(titles()).toEqual(["peaks · Find disks by correlation", "peaks_2 · Find disks by correlation"]);
    expect(hook().state().node).toBe(20);
    expect(st("differences").textContent).toContain("the same parameters");
    const radius = st("parameter-radius-value") as HTMLInputElement;
    radius.value = "7";
    radius.dispatchEvent(new Event("change"));
    await vi.advanceTimersByTimeAsync(400);
    const cells = [...element.querySelectorAll("[data-st=differences] tbody tr")].map((row) =>
      [...row.children].map((cell) => cell.textContent),
    );
    expect(cells).toEqual([["radius", "7 px", "4 px"]]);
  });
});

describe("zoom", () => {
  const [outer, picture] = [
    { left: 0, top: 0, width: 400, height: 300 },
    { width: 128, height: 96 },
  ];

  it("keeps what lies under the pointer", () => {
    const at = { x: 100, y: 60 };
    const zoom = zoomAbout(WHOLE, 4, at, outer, outer, picture);
    const placed = placeZoomed(outer, outer, zoom);
    expect((at.x - placed.left) / placed.width).toBeCloseTo(0.25);
    expect((at.y - placed.top) / placed.height).toBeCloseTo(0.2);
    expect(placed.width).toBeCloseTo(1600);
    expect(zoomAbout(zoom, 1 / 8, at, outer, outer, picture)).toBe(WHOLE);
  });

  it("leaves no free edge, and stops at large pixels", () => {
    const zoom = zoomAbout(WHOLE, 2, { x: 0, y: 0 }, outer, outer, picture);
    const moved = placeZoomed(outer, outer, panBy(zoom, { x: 5000, y: -5000 }, outer, outer));
    expect([moved.left, moved.top]).toEqual([0, -300]);
    const most = zoomAbout(WHOLE, 1e6, { x: 10, y: 10 }, outer, outer, picture);
    expect((outer.width * most.scale) / picture.width).toBeCloseTo(64);
  });

  it("keeps a picture that is narrower than its panel in the middle until it fills it", () => {
    const base = { left: 100, top: 0, width: 200, height: 300 };
    const zoom = zoomAbout(WHOLE, 1.5, { x: 120, y: 10 }, base, outer, picture);
    const placed = placeZoomed(base, outer, zoom);
    expect(placed.left).toBeCloseTo(50);
    expect(placed.width).toBeCloseTo(300);
  });

  it("leaves the wheel to the page until the picture was chosen", async () => {
    const { st } = await mount();
    const wheel = new WheelEvent("wheel", { deltaY: -240, bubbles: true, cancelable: true });
    st("signal-canvas").dispatchEvent(wheel);
    expect(wheel.defaultPrevented).toBe(false);
    expect(st("zoom-reset").hidden).toBe(true);
  });

  it("never clears the picture", async () => {
    const { st, requests } = await mount();
    const before = { asked: requests("frame").length, checksum: hook().frame?.checksum };
    for (let i = 0; i < 4; i++) {
      press(st("signal-canvas"), "+");
    }
    await vi.advanceTimersByTimeAsync(400);
    // The frame was there whole: nothing more to ask for.
    expect(requests("frame")).toHaveLength(before.asked);
    expect(hook().frame?.checksum).toBe(before.checksum);
  });

  it("is shared by pictures of one shape, kept across frames, and reset", async () => {
    const { st, model, element } = await mount();
    st("compare-node-flat").click();
    await vi.advanceTimersByTimeAsync(400);
    expect(press(st("signal-canvas"), "+").defaultPrevented).toBe(true);
    press(st("signal-canvas"), "+");
    await vi.advanceTimersByTimeAsync(400);
    const badges = (): string[] =>
      [...element.querySelectorAll<HTMLElement>("[data-st=zoom-reset]")]
        .filter(({ hidden }) => !hidden)
        .map(({ textContent }) => textContent ?? "");
    expect(badges()).toEqual(["2.0×", "2.0×"]);
    expect(model.traits.zoom).toMatchObject({ "signal:128x112": { scale: expect.closeTo(2) } });
    press(st("navigator-canvas"), "ArrowRight");
    await vi.advanceTimersByTimeAsync(400);
    expect(badges()).toHaveLength(2);
    press(st("signal-canvas"), "0");
    expect(badges()).toEqual([]);
  });
});

describe("differences", () => {
  const nodes = strainTree();
  const [scan, flat, peaks] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]];

  it("names operations that only one of two nodes has", () => {
    expect(differences(scan, peaks, nodes, OPERATIONS)).toMatchObject([
      { operation: "Radial median", parameter: null, left: undefined, right: "flat" },
      { operation: "Find disks by correlation", parameter: null, right: "peaks" },
    ]);
    expect(differences(flat, flat, nodes, OPERATIONS)).toEqual([]);
  });

  it("compares chains operation by operation", () => {
    const other = { ...flat, id: 8, params: { center: [56, 64.5], clip: true } };
    const below = { ...peaks, id: 9, parents: [8], params: { ...peaks.params, radius: 6 } };
    const found = differences(peaks, below, [...nodes, other, below], OPERATIONS);
    expect(found.map(({ parameter, left, right }) => [parameter?.name, left, right])).toEqual([
      ["center", null, [56, 64.5]],
      ["radius", 4, 6],
    ]);
  });

  it("writes values as people read them", () => {
    expect(valueText(null, "px")).toBe("auto");
    expect(valueText([56, 64.5], "px")).toBe("56, 64.5 px");
    expect(valueText(true, "")).toBe("on");
    expect(valueText(-0.25, "1/nm")).toBe("\u22120.25 1/nm");
    expect(valueText({ x0: 1, y0: 2, width: 8, height: 4 }, "")).toBe("4 × 8 at y 2, x 1");
  });
});
