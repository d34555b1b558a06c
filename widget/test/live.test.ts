import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bytesText, durationText, parseBytes } from "../src/geometry/bytes";
import { insideScan, regionAbout, regionText } from "../src/geometry/region";
import signaltree from "../src/index";
import { exactnessText } from "../src/panels/layers/exact";
import { progressText } from "../src/panels/progress";
import { savedPath, withSuffix } from "../src/panels/save";
import { codeOf, codeOfTree } from "../src/state/export";
import { FakeKernel, type FakeKernelOptions } from "./fake_kernel";
import { FakeModel } from "./fake_model";
import { DETECTOR, detectorTree, SCAN, strainTree } from "./fixtures";

/** CSS pixels of every surface: three per detector pixel. */
const SURFACE = { width: DETECTOR.nx * 3, height: DETECTOR.ny * 3 };
const NAVIGATOR_SCALE = Math.min(SURFACE.width / SCAN.nx, SURFACE.height / SCAN.ny);

const mountedViews: AbortController[] = [];

async function mount(
  traits: Record<string, unknown> = {},
  options: FakeKernelOptions = {},
): Promise<{
  model: FakeModel;
  kernel: FakeKernel;
  element: HTMLElement;
  st(name: string, within?: ParentNode): HTMLElement;
  pattern(): HTMLElement;
  requests(type: string): Record<string, unknown>[];
}> {
  const model = new FakeModel({ protocol: 1, node: 1, position: [3, 7], ...traits });
  const kernel = new FakeKernel(model, { mapStep: 1, ...options });
  const element = document.createElement("div");
  document.body.append(element);
  const abort = new AbortController();
  mountedViews.push(abort);
  const widget = signaltree();
  widget.initialize({ model, signal: abort.signal });
  widget.render({ model, el: element, signal: abort.signal });
  await vi.advanceTimersByTimeAsync(400);
  const st = (name: string, within: ParentNode = element): HTMLElement => {
    const found = within.querySelector<HTMLElement>(`[data-st="${name}"]`);
    if (!found) {
      throw new Error(`no element ${name}`);
    }
    return found;
  };
  return {
    model,
    kernel,
    element,
    st,
    pattern: () => st("signal-canvas", element.querySelector(".st-companion") ?? element),
    requests: (type) => (model.sent as Record<string, unknown>[]).filter((request) => request.type === type),
  };
}

/** A pointer event at CSS pixels of its target. */
function pointer(element: HTMLElement, type: string, x: number, y: number): void {
  const event = new MouseEvent(`pointer${type}`, { bubbles: true, cancelable: true, button: 0 });
  Object.defineProperties(event, { clientX: { value: x }, clientY: { value: y }, pointerId: { value: 1 } });
  element.dispatchEvent(event);
}

function press(element: HTMLElement, key: string, shiftKey = false): void {
  element.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true, cancelable: true }));
}

function change(element: HTMLElement, value: string, type = "change"): void {
  (element as HTMLInputElement).value = value;
  element.dispatchEvent(new Event(type, { bubbles: true }));
}

const drafts = (requests: Record<string, unknown>[]): unknown[] =>
  requests.map((request) => request.draft).filter((draft) => draft !== undefined);

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame", "cancelAnimationFrame"],
  });
  // A layout: every element has the size of a surface and says so when it is observed.
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(SURFACE.width);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(SURFACE.height);
  vi.stubGlobal(
    "ResizeObserver",
    class {
      #run: () => void;
      constructor(run: () => void) {
        this.#run = run;
      }
      observe(): void {
        this.#run();
      }
      disconnect(): void {}
    },
  );
});

afterEach(() => {
  for (const abort of mountedViews.splice(0)) {
    abort.abort();
  }
  document.body.replaceChildren();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("a detector", () => {
  const tree = (): FakeKernelOptions => ({ nodes: detectorTree() });

  it("is tried while it is dragged and kept once, when it is let go", async () => {
    const { pattern, requests, st } = await mount({ node: 5 }, tree());
    const canvas = pattern();
    const [x, y] = [64.5 * 3, 56.5 * 3];
    pointer(canvas, "down", x, y);
    for (const step of [1, 2, 3, 4]) {
      pointer(canvas, "move", x + step * 6, y - step * 3);
      await vi.advanceTimersByTimeAsync(20);
    }
    expect(requests("set_params")).toHaveLength(0);
    expect(drafts(requests("frame")).at(-1)).toEqual({ centre: [52, 72], radius: 8 });
    expect(st("detector-readout").textContent).toBe("bright · 52, 72 px · radius 8 px (0.4 1/nm)");
    expect((st("parameter-centre-row") as HTMLInputElement).value).toBe("52");
    pointer(canvas, "up", x + 24, y - 12);
    await vi.advanceTimersByTimeAsync(400);
    expect(requests("set_params").map(({ params }) => params)).toEqual([{ centre: [52, 72], radius: 8 }]);
    expect(st("tree-node-bright").getAttribute("aria-selected")).toBe("true");
  });

  it("is resized at its rim; an automatic centre stays automatic", async () => {
    const { pattern, requests } = await mount({ node: 5 }, tree());
    const canvas = pattern();
    const [x, y] = [64.5 * 3, 56.5 * 3];
    pointer(canvas, "down", x + 24, y);
    pointer(canvas, "move", x + 36, y);
    pointer(canvas, "up", x + 36, y);
    await vi.advanceTimersByTimeAsync(400);
    expect(requests("set_params").map(({ params }) => params)).toEqual([{ centre: null, radius: 12 }]);
  });

  it("has at most one request in flight per pane however fast it is dragged", async () => {
    const { pattern, requests, kernel } = await mount({ node: 5 }, { ...tree(), delayMs: 50 });
    await vi.advanceTimersByTimeAsync(2000);
    kernel.delayMs = 50;
    const before = requests("frame").length;
    const canvas = pattern();
    pointer(canvas, "down", 64.5 * 3, 56.5 * 3);
    for (let step = 0; step < 40; step += 1) {
      pointer(canvas, "move", 64.5 * 3 + step, 56.5 * 3);
      await vi.advanceTimersByTimeAsync(5);
    }
    const sent = drafts(requests("frame").slice(before));
    expect(sent.length).toBeGreaterThanOrEqual(3);
    expect(sent.length).toBeLessThanOrEqual(6);
    pointer(canvas, "up", 64.5 * 3 + 39, 56.5 * 3);
    await vi.advanceTimersByTimeAsync(1000);
    expect(requests("set_params")).toHaveLength(1);
  });

  it("goes back when the drag is given up", async () => {
    const { pattern, requests, st } = await mount({ node: 5 }, tree());
    const canvas = pattern();
    pointer(canvas, "down", 64.5 * 3, 56.5 * 3);
    pointer(canvas, "move", 64.5 * 3 + 30, 56.5 * 3);
    await vi.advanceTimersByTimeAsync(50);
    press(canvas, "Escape");
    await vi.advanceTimersByTimeAsync(400);
    expect(requests("set_params")).toHaveLength(0);
    const hook = (globalThis as unknown as { __signaltree_test: { frame: unknown } }).__signaltree_test;
    expect(hook.frame).toMatchObject({ node: 5, draft: false });
    expect((st("parameter-centre-row") as HTMLInputElement).value).toBe("");
  });

  it("is moved by the keys once it is held, and a run of keys is one change", async () => {
    const { pattern, requests, model } = await mount({ node: 5 }, tree());
    const canvas = pattern();
    press(canvas, "ArrowRight");
    await vi.advanceTimersByTimeAsync(300);
    expect(model.traits.position).toEqual([3, 8]);
    press(canvas, "d");
    press(canvas, "ArrowRight");
    press(canvas, "ArrowUp");
    press(canvas, "ArrowUp", true);
    press(canvas, "+");
    await vi.advanceTimersByTimeAsync(100);
    expect(requests("set_params")).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(800);
    expect(requests("set_params").map(({ params }) => params)).toEqual([{ centre: [45, 65], radius: 9 }]);
    expect(model.traits.position).toEqual([3, 8]);
    press(canvas, "Escape");
    press(canvas, "ArrowLeft");
    await vi.advanceTimersByTimeAsync(300);
    expect(model.traits.position).toEqual([3, 7]);
  });

  it("says that its image is an estimate until the exact one is there", async () => {
    const { pattern, kernel, element } = await mount({ node: 5 }, tree());
    kernel.estimates = true;
    const chip = (): string => {
      const map = [...element.querySelectorAll(".st-pane")].find((pane) => !pane.matches(".st-companion"));
      const found = map?.querySelector<HTMLElement>("[data-st=exactness]");
      return found?.hidden ? "" : (found?.textContent ?? "");
    };
    expect(chip()).toBe("");
    const canvas = pattern();
    pointer(canvas, "down", 64.5 * 3, 56.5 * 3);
    pointer(canvas, "move", 64.5 * 3 + 30, 56.5 * 3);
    await vi.advanceTimersByTimeAsync(50);
    expect(chip()).toBe("estimate · 42 % exact");
    kernel.estimates = false;
    await vi.advanceTimersByTimeAsync(1000);
    expect(chip()).toBe("");
    pointer(canvas, "up", 64.5 * 3 + 30, 56.5 * 3);
  });

  it("is a ring or a rectangle as its operation says", async () => {
    const ring = await mount({ node: 5 }, { nodes: detectorTree("virtual_annulus") });
    pointer(ring.pattern(), "down", (64.5 + 12) * 3, 56.5 * 3);
    pointer(ring.pattern(), "move", (64.5 + 20) * 3, 56.5 * 3);
    pointer(ring.pattern(), "up", (64.5 + 20) * 3, 56.5 * 3);
    await vi.advanceTimersByTimeAsync(400);
    expect(ring.requests("set_params")[0]?.params).toEqual({
      centre: null,
      inner_radius: 20,
      outer_radius: 32,
    });
    const box = await mount({ node: 5 }, { nodes: detectorTree("virtual_rectangle") });
    // Rows 48 to 63, columns 56 to 71: the right edge.
    pointer(box.pattern(), "down", 72 * 3, 56 * 3);
    pointer(box.pattern(), "move", 80 * 3, 56 * 3);
    pointer(box.pattern(), "up", 80 * 3, 56 * 3);
    await vi.advanceTimersByTimeAsync(400);
    expect(box.requests("set_params")[0]?.params).toEqual({ corner: [48, 56], height: 16, width: 24 });
  });
});

describe("a region of the scan", () => {
  const nav = (column: number, row: number): [number, number] => [
    (SURFACE.width - SCAN.nx * NAVIGATOR_SCALE) / 2 + column * NAVIGATOR_SCALE,
    (SURFACE.height - SCAN.ny * NAVIGATOR_SCALE) / 2 + row * NAVIGATOR_SCALE,
  ];

  it("shows the patterns of many positions together, live while it is drawn", async () => {
    const { st, requests, model } = await mount();
    const canvas = st("navigator-canvas");
    st("region-toggle").click();
    await vi.advanceTimersByTimeAsync(200);
    // An eighth of 40 x 56 about 3, 7.
    expect(requests("frame").at(-1)?.region).toEqual({
      x0: 4,
      y0: 1,
      width: 7,
      height: 5,
      statistic: "mean",
    });
    pointer(canvas, "down", ...nav(20.5, 10.5));
    pointer(canvas, "move", ...nav(30.5, 12.5));
    await vi.advanceTimersByTimeAsync(20);
    pointer(canvas, "move", ...nav(33.5, 21.5));
    pointer(canvas, "up", ...nav(33.5, 21.5));
    await vi.advanceTimersByTimeAsync(300);
    expect(requests("frame").at(-1)?.region).toEqual({
      x0: 20,
      y0: 10,
      width: 14,
      height: 12,
      statistic: "mean",
    });
    expect(st("navigator-readout").textContent).toBe(
      "y 10 to 21, x 20 to 33 · 12 × 14 positions · 24 × 28 nm",
    );
    expect(st("exactness").textContent).toBe("mean of 12 × 14 positions");
    expect(model.traits.position).toEqual([3, 7]);
  });

  it("is moved and resized, by pointer and by keys, and left with Escape", async () => {
    const { st, requests } = await mount();
    const canvas = st("navigator-canvas");
    st("region-toggle").click();
    await vi.advanceTimersByTimeAsync(200);
    const last = (): unknown => requests("frame").at(-1)?.region;
    pointer(canvas, "down", ...nav(7.5, 3.5));
    pointer(canvas, "move", ...nav(17.5, 8.5));
    pointer(canvas, "up", ...nav(17.5, 8.5));
    await vi.advanceTimersByTimeAsync(200);
    expect(last()).toMatchObject({ x0: 14, y0: 6, width: 7, height: 5 });
    pointer(canvas, "down", ...nav(21, 11));
    pointer(canvas, "move", ...nav(25, 12));
    pointer(canvas, "up", ...nav(25, 12));
    await vi.advanceTimersByTimeAsync(200);
    expect(last()).toMatchObject({ x0: 14, y0: 6, width: 11, height: 6 });
    press(canvas, "ArrowDown");
    press(canvas, "ArrowLeft", true);
    press(canvas, "-");
    await vi.advanceTimersByTimeAsync(200);
    expect(last()).toMatchObject({ x0: 4, y0: 7, width: 10, height: 5 });
    change(st("region-statistic"), "sum");
    await vi.advanceTimersByTimeAsync(200);
    expect(last()).toMatchObject({ statistic: "sum" });
    press(canvas, "Escape");
    await vi.advanceTimersByTimeAsync(200);
    expect(st("region-toggle").getAttribute("aria-pressed")).toBe("false");
    expect(st("navigator-readout").textContent).toContain("y 3, x 7");
  });

  it("lies over the maps of the scan and can be moved there", async () => {
    const { st, requests, model } = await mount({
      node: 4,
      panes: [
        { key: 0, node: 4 },
        { key: 1, node: 1 },
      ],
    });
    st("region-toggle").click();
    await vi.advanceTimersByTimeAsync(200);
    const map = st("signal-canvas");
    pointer(map, "down", ...nav(7.5, 3.5));
    pointer(map, "move", ...nav(27.5, 23.5));
    pointer(map, "up", ...nav(27.5, 23.5));
    await vi.advanceTimersByTimeAsync(300);
    const asked = requests("frame").filter(({ node }) => node === 1);
    expect(asked.at(-1)?.region).toMatchObject({ x0: 24, y0: 21, width: 7, height: 5 });
    expect(requests("frame").filter(({ node, region }) => node === 4 && region)).toEqual([]);
    expect(model.traits.position).toEqual([3, 7]);
  });

  it("stays when the notebook builds the view anew, and is not asked of peaks", async () => {
    const model = new FakeModel({ protocol: 1, node: 1, position: [3, 7] });
    new FakeKernel(model, { mapStep: 1 });
    const whole = new AbortController();
    mountedViews.push(whole);
    const widget = signaltree();
    widget.initialize({ model, signal: whole.signal });
    const show = async (): Promise<{ element: HTMLElement; end: AbortController }> => {
      const element = document.createElement("div");
      const end = new AbortController();
      document.body.append(element);
      widget.render({ model, el: element, signal: end.signal });
      await vi.advanceTimersByTimeAsync(400);
      return { element, end };
    };
    const click = async (element: HTMLElement, name: string): Promise<void> => {
      element.querySelector<HTMLElement>(`[data-st="${name}"]`)?.click();
      await vi.advanceTimersByTimeAsync(400);
    };
    const asked = (): unknown =>
      (model.sent as { type: string; region?: unknown }[]).filter(({ type }) => type === "frame").at(-1)
        ?.region;
    const first = await show();
    await click(first.element, "region-toggle");
    expect(asked()).toMatchObject({ width: 7, height: 5 });
    first.end.abort();
    const second = await show();
    expect(asked()).toMatchObject({ width: 7, height: 5 });
    await click(second.element, "tree-node-peaks");
    expect(asked()).toBeUndefined();
    expect(second.element.querySelector<HTMLElement>("[data-st=region-toggle]")?.hidden).toBe(true);
    await click(second.element, "tree-node-flat");
    expect(asked()).toMatchObject({ width: 7, height: 5 });
    second.end.abort();
  });

  it("has geometry of its own", () => {
    expect(regionAbout({ x: 0, y: 39 }, { width: 56, height: 40 })).toEqual({
      x0: 0,
      y0: 35,
      width: 7,
      height: 5,
    });
    expect(insideScan({ x0: -3, y0: 38, width: 5, height: 9 }, { width: 56, height: 40 })).toEqual({
      x0: 0,
      y0: 38,
      width: 2,
      height: 2,
    });
    const axes = strainTree()[0]?.navigation_axes ?? [];
    expect(regionText({ x0: 4, y0: 2, width: 1, height: 3 }, axes)).toBe(
      "y 2 to 4, x 4 · 3 × 1 positions · 6 × 2 nm",
    );
  });
});

describe("the memory", () => {
  it("is shown, and its limit changed in words", async () => {
    const { st, requests, kernel } = await mount();
    expect(st("memory-text").textContent).toBe("1.3 GiB of 4 GiB");
    st("memory").click();
    change(st("memory-budget"), "lots");
    st("memory-set").click();
    await vi.advanceTimersByTimeAsync(10);
    expect(st("memory-problem").textContent).toContain("4 GiB");
    expect(requests("set_budget")).toHaveLength(0);
    change(st("memory-budget"), "512 MiB");
    st("memory-set").click();
    await vi.advanceTimersByTimeAsync(50);
    expect(requests("set_budget")[0]?.bytes).toBe(512 * 2 ** 20);
    expect(kernel.budget).toBe(512 * 2 ** 20);
    expect(st("memory-text").textContent).toBe("512 MiB of 512 MiB");
    expect(document.querySelector("[data-st=memory-dialog]")).toBeNull();
  });

  it("closes its dialog with Escape and gives the focus back", async () => {
    const { st } = await mount();
    st("memory").click();
    press(st("memory-budget"), "Escape");
    expect(document.querySelector("[data-st=memory-dialog]")).toBeNull();
    expect(document.activeElement).toBe(st("memory"));
  });

  it("is written in units of 1024 and read in many", () => {
    expect([0, 1000, 1536, 4 * 2 ** 30, 1023.9 * 2 ** 20].map(bytesText)).toEqual([
      "0 B",
      "1000 B",
      "1.5 KiB",
      "4 GiB",
      "1 GiB",
    ]);
    expect(["4 GiB", "1.5g", "800 MB", "2", "0,5 GiB"].map(parseBytes)).toEqual([
      4 * 2 ** 30,
      1.5 * 2 ** 30,
      8e8,
      2 * 2 ** 30,
      2 ** 29,
    ]);
    expect(["", "4 apples", "-3 GiB", "0"].map(parseBytes)).toEqual([null, null, null, null]);
  });
});

describe("saving", () => {
  it("asks for a file of the chosen format and shows rate and time left", async () => {
    const { st, requests } = await mount({ node: 2 });
    st("save").click();
    expect((st("save-path") as HTMLInputElement).value).toBe("flat.zspy");
    change(st("save-format"), ".zarr");
    expect((st("save-path") as HTMLInputElement).value).toBe("flat.zarr");
    change(st("save-path"), "results/flat.npy", "input");
    expect((st("save-format") as HTMLSelectElement).value).toBe(".npy");
    st("save-start").click();
    await vi.advanceTimersByTimeAsync(50);
    expect(requests("save")[0]).toMatchObject({ node: 2, path: "results/flat.npy" });
    expect(document.querySelector("[data-st=save-dialog]")).toBeNull();
    expect(st("status-progress-label").textContent).toBe(
      "saving results/flat.npy 62 % · 1240 positions/s · 1 min 12 s left",
    );
  });

  it("says in the dialog why it was refused", async () => {
    const { st, kernel } = await mount({ node: 2 });
    kernel.refuseNext = {
      code: "io",
      message: "flat.zspy cannot be written: the folder does not exist",
      hint: "Make the folder first.",
      node: 2,
      index: null,
    };
    st("save").click();
    st("save-start").click();
    await vi.advanceTimersByTimeAsync(50);
    expect(st("save-problem").textContent).toBe(
      "flat.zspy cannot be written: the folder does not exist Make the folder first.",
    );
  });

  it("goes on where it was stopped", async () => {
    const { st, model, kernel, requests } = await mount({ node: 2 });
    st("save").click();
    st("save-start").click();
    await vi.advanceTimersByTimeAsync(50);
    const progress = { ...kernel.nodes[1]?.progress, state: "cancelled", can_resume: true };
    model.deliver({ type: "progress", ...progress });
    await vi.advanceTimersByTimeAsync(50);
    expect(st("status-compute").textContent).toBe("Go on");
    st("status-compute").click();
    await vi.advanceTimersByTimeAsync(50);
    expect(requests("save").map(({ path }) => path)).toEqual(["flat.zspy", "flat.zspy"]);
  });

  it("says when the file is complete", async () => {
    const { st, model, kernel } = await mount({ node: 2 });
    st("save").click();
    st("save-start").click();
    await vi.advanceTimersByTimeAsync(50);
    model.deliver({ type: "progress", ...kernel.nodes[1]?.progress, state: "done" });
    await vi.advanceTimersByTimeAsync(50);
    expect(st("status-message").textContent).toBe("Saved flat.zspy");
    expect(st("status").dataset.level).toBe("info");
  });

  it("asks before it replaces what is there under that name", async () => {
    const { st, kernel, requests } = await mount({ node: 2 });
    const message = "flat.zspy exists already (scan, of 2026-11-23 08:15 UTC)";
    const there = { code: "exists", message, hint: "", node: 2, index: null };
    kernel.refuseNext = there;
    st("save").click();
    st("save-start").click();
    await vi.advanceTimersByTimeAsync(50);
    expect(st("save-exists").textContent).toBe(`${message}. Replace it?`);
    expect(document.activeElement).toBe(st("save-other"));
    expect(st("save-other").classList.contains("st-primary")).toBe(true);
    expect([
      st("save-start").closest<HTMLElement>("div")?.hidden,
      st("save-replace").classList.contains("st-primary"),
    ]).toEqual([true, false]);
    st("save-other").click();
    expect(st("save-start").closest<HTMLElement>("div")?.hidden).toBe(false);
    expect(document.activeElement).toBe(st("save-path"));
    expect(st("save-exists").closest("[role=alert]")?.hasAttribute("hidden")).toBe(true);
    kernel.refuseNext = there;
    st("save-start").click();
    await vi.advanceTimersByTimeAsync(50);
    st("save-replace").click();
    await vi.advanceTimersByTimeAsync(50);
    expect(requests("save").map(({ replace }) => replace)).toEqual([undefined, undefined, true]);
    expect(document.querySelector("[data-st=save-dialog]")).toBeNull();
  });

  it("knows what is written from what is said about it", () => {
    expect(savedPath("saving out/strain map.zspy")).toBe("out/strain map.zspy");
    expect(savedPath("saving part 1/3 of strain.zspy")).toBeNull();
    expect(savedPath("computing flat")).toBeNull();
  });

  it("can keep the whole signal in memory instead", async () => {
    const { st, requests } = await mount({ node: 2 });
    st("save").click();
    st("save-compute").click();
    await vi.advanceTimersByTimeAsync(50);
    expect(requests("compute")[0]).toMatchObject({ node: 2 });
  });

  it("changes the ending of a name, not the name", () => {
    expect(withSuffix("a.b/flat.zspy", ".npy")).toBe("a.b/flat.npy");
    expect(withSuffix("flat", ".zarr")).toBe("flat.zarr");
    expect(withSuffix("flat.v2", ".zarr")).toBe("flat.v2.zarr");
    expect(withSuffix("flat.TIF", ".zarr")).toBe("flat.zarr");
  });

  it("refuses the ending of a format that is not written", async () => {
    const { st, requests } = await mount({ node: 2 });
    st("save").click();
    change(st("save-path"), "flat.tif", "input");
    st("save-start").click();
    await vi.advanceTimersByTimeAsync(50);
    expect(requests("save")).toEqual([]);
    expect(st("save-problem").textContent).toBe(
      ".tif is not written. Give the name one of the endings .zspy, .zarr, .hspy, .npy, or none.",
    );
    change(st("save-path"), "flat", "input");
    expect(st("save-problem").textContent).toBe("");
    st("save-start").click();
    await vi.advanceTimersByTimeAsync(50);
    expect(requests("save")[0]).toMatchObject({ path: "flat.zspy" });
  });
});

describe("what is said", () => {
  it("of progress: as much as is known", () => {
    const progress = {
      node: 1,
      state: "running" as const,
      done: 5,
      total: 20,
      label: "strain map",
      message: "",
      can_resume: false,
    };
    expect(progressText(progress, "strain")).toBe("strain map 25 %");
    expect(progressText({ ...progress, rate: 3.25, seconds_left: 4000 }, "strain")).toBe(
      "strain map 25 % · 3.250 positions/s · 1 h 7 min left",
    );
    expect(durationText(0.2)).toBe("1 s");
    expect(durationText(605)).toBe("10 min");
  });

  it("of exactness: nothing once it is exact", () => {
    expect(exactnessText({ exact: true, complete: 1 }, false)).toBe("");
    expect(exactnessText({ exact: false, complete: 0 }, false)).toBe("estimate");
    expect(exactnessText({ exact: false, complete: 0.639 }, false)).toBe("estimate · 63 % exact");
    expect(exactnessText({ exact: false, complete: 0.5 }, true)).toBe("50 % computed");
  });

  it("of a file that is slow to drag through: the cost, and code that can be copied", async () => {
    const nodes = strainTree();
    Object.assign(nodes[0] as object, {
      frame_cost: {
        seconds_per_frame: 0.031,
        chunk_bytes: 95 * 2 ** 20,
        frames_per_chunk: 729,
        slow: true,
        advice: '`scan.reshard("scan.zarr")?` makes it 0.4 ms.',
      },
    });
    const { st } = await mount({}, { nodes });
    expect(st("status-message").textContent).toContain("95 MiB and 31 ms");
    expect(st("status").querySelector("code")?.textContent).toBe('scan.reshard("scan.zarr")?');
    expect(st("copy-advice").getAttribute("aria-label")).toBe("Copy this code");
    st("status").querySelector<HTMLElement>("[aria-label=Dismiss]")?.click();
    expect(st("status-message").textContent).toBe("");
  });
});

it("shows a name in a message as code, without a button", async () => {
  const { st, model } = await mount();
  const message = "`flat` was not saved; the folder does not exist";
  model.deliver({ type: "notice", level: "error", message, hint: "", node: null });
  expect(st("status-message").textContent).toBe("flat was not saved; the folder does not exist");
  expect(st("status").querySelector("[data-st=copy-advice]")).toBeNull();
});

describe("the tree as code", () => {
  it("has what a node needs, or everything, parents first", async () => {
    const nodes = [...strainTree(), ...detectorTree().slice(1)];
    expect(codeOf(nodes, 5).split("\n")).toEqual([
      'let scan = open("strained_grain.zspy")?;',
      "let bright = scan.virtual_image(Disk::default())?;",
    ]);
    expect(codeOfTree(nodes).split("\n")).toHaveLength(5);
    const { st } = await mount({ node: 2 });
    st("export").click();
    expect(st("export-code").textContent?.split("\n")).toHaveLength(2);
    st("export-tree").click();
    expect(st("export-code").textContent?.split("\n")).toHaveLength(4);
  });
});
