import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import signaltree from "../src/index";
import { FakeKernel, type FakeKernelOptions } from "./fake_kernel";
import { FakeModel } from "./fake_model";
import { spectrumTree } from "./fixtures";

interface Mounted {
  model: FakeModel;
  kernel: FakeKernel;
  element: HTMLElement;
  abort: AbortController;
  st(name: string): HTMLElement;
  requests(type: string): Record<string, unknown>[];
}

const mountedViews: AbortController[] = [];

async function mount(
  traits: Record<string, unknown> = {},
  options: FakeKernelOptions & { silent?: boolean } = {},
): Promise<Mounted> {
  const model = new FakeModel({ protocol: 1, node: 1, position: [3, 7], ...traits });
  const kernel = new FakeKernel(model, { mapStep: 1, ...options });
  kernel.silent = options.silent ?? false;
  const element = document.createElement("div");
  document.body.append(element);
  const abort = new AbortController();
  mountedViews.push(abort);
  const widget = signaltree();
  widget.initialize({ model, signal: abort.signal });
  widget.render({ model, el: element, signal: abort.signal });
  await vi.advanceTimersByTimeAsync(400);
  return {
    model,
    kernel,
    element,
    abort,
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
  frame: {
    node: number;
    index: number[];
    component: number;
    checksum: number;
    peaks: number | null;
    complete: number;
  } | null;
  timings: { request: number; reply: number; drawn: number }[];
  state: () => { position: number[]; node: number };
}

const hook = (): Hook => (globalThis as unknown as { __signaltree_test: Hook }).__signaltree_test;

function press(element: HTMLElement, key: string, shiftKey = false): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, shiftKey, bubbles: true, cancelable: true });
  element.dispatchEvent(event);
  return event;
}

function change(element: HTMLElement, value: string, type = "change"): void {
  (element as HTMLInputElement).value = value;
  element.dispatchEvent(new Event(type, { bubbles: true }));
}

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame", "cancelAnimationFrame"],
  });
});

afterEach(() => {
  for (const abort of mountedViews.splice(0)) {
    abort.abort();
  }
  document.body.replaceChildren();
  vi.useRealTimers();
});

describe("viewer", () => {
  it("asks for the tree, the navigation image and one frame", async () => {
    const { requests, st } = await mount();
    expect(requests("hello")).toHaveLength(1);
    expect(requests("navigator")).toHaveLength(1);
    expect(requests("frame")[0]).toMatchObject({ node: 1, index: [3, 7], component: 0 });
    expect(hook().frame).toMatchObject({ node: 1, index: [3, 7] });
    expect(st("navigator-readout").textContent).toContain("y 3, x 7");
    for (const name of ["scan", "flat", "peaks", "strain"]) {
      expect(st(`tree-node-${name}`).getAttribute("role")).toBe("treeitem");
    }
  });

  it("changes what the signal view shows when a node is chosen, and nothing else", async () => {
    const { st, model } = await mount();
    const before = { ...hook().state() };
    const first = hook().frame?.checksum;
    st("tree-node-peaks").click();
    await vi.advanceTimersByTimeAsync(400);
    expect(hook().frame).toMatchObject({ node: 3, index: [3, 7] });
    expect(hook().frame?.peaks).toBeGreaterThan(3);
    expect(hook().frame?.checksum).not.toBe(first);
    expect(hook().state().position).toEqual(before.position);
    expect(st("signal-readout").textContent).toMatch(/\d+ peaks/);
    expect(model.traits.node).toBe(3);
    st("tree-node-scan").click();
    await vi.advanceTimersByTimeAsync(400);
    expect(hook().frame?.checksum).toBe(first);
  });

  it("moves with the arrow keys, by ten with Shift, and stays inside the scan", async () => {
    const { st, model, requests } = await mount();
    const canvas = st("navigator-canvas");
    expect(press(canvas, "ArrowRight").defaultPrevented).toBe(true);
    press(canvas, "ArrowDown", true);
    await vi.advanceTimersByTimeAsync(400);
    expect(model.traits.position).toEqual([13, 8]);
    expect(hook().frame?.index).toEqual([13, 8]);
    for (let i = 0; i < 9; i++) {
      press(canvas, "ArrowUp", true);
    }
    await vi.advanceTimersByTimeAsync(400);
    expect(model.traits.position).toEqual([0, 8]);
    expect(requests("frame").at(-1)).toMatchObject({ index: [0, 8] });
    const asked = requests("frame").length;
    await vi.advanceTimersByTimeAsync(400);
    // What came is exact: at rest there is nothing more to ask for.
    expect(requests("frame")).toHaveLength(asked);
  });

  it("asks for nothing when moving back to a picture it has", async () => {
    const { st, requests } = await mount();
    press(st("navigator-canvas"), "ArrowRight");
    await vi.advanceTimersByTimeAsync(400);
    const asked = requests("frame").length;
    press(st("navigator-canvas"), "ArrowLeft");
    await vi.advanceTimersByTimeAsync(400);
    expect(requests("frame")).toHaveLength(asked);
    expect(hook().frame?.index).toEqual([3, 7]);
  });

  it("follows the pointer with the newest position last, one request in flight", async () => {
    const { st, requests } = await mount({}, { delayMs: 100 });
    const canvas = st("navigator-canvas");
    const point = (type: string, x: number): void => {
      const event = new MouseEvent(type, { bubbles: true, cancelable: true, button: 0 });
      Object.defineProperties(event, {
        clientX: { value: x / 56 },
        clientY: { value: 0.5 },
        pointerId: { value: 1 },
      });
      canvas.dispatchEvent(event);
    };
    await vi.advanceTimersByTimeAsync(400);
    const before = requests("frame").length;
    point("pointerdown", 10.5);
    for (let x = 11; x < 40; x++) {
      point("pointermove", x + 0.5);
    }
    point("pointerup", 39.5);
    point("pointermove", 50.5);
    expect(requests("frame").length - before).toBe(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(requests("frame").length - before).toBeLessThanOrEqual(3);
    expect(hook().frame?.index).toEqual([20, 39]);
  });

  it("keeps keys from the notebook", async () => {
    const { st } = await mount();
    const outside = vi.fn();
    document.body.addEventListener("keydown", outside);
    for (const key of ["a", "b", "d", "x", "Escape", "Enter", "ArrowLeft"]) {
      press(st("navigator-canvas"), key);
      press(st("signal-canvas"), key);
      press(st("levels-low-value"), key);
    }
    document.body.removeEventListener("keydown", outside);
    expect(outside).not.toHaveBeenCalled();
    expect(st("viewer").hasAttribute("data-lm-suppress-shortcuts")).toBe(true);
  });

  it("walks through the tree with the keys", async () => {
    const { st, model } = await mount();
    press(st("tree"), "ArrowDown");
    press(st("tree"), "ArrowDown");
    press(st("tree"), "ArrowLeft");
    press(st("tree"), "End");
    await vi.advanceTimersByTimeAsync(400);
    expect(model.traits.node).toBe(4);
  });
});

describe("maps", () => {
  it("starts the computation, shows it fill, and moves the position by clicks", async () => {
    const { st, requests } = await mount({ node: 4 }, { mapStep: 0.25 });
    expect(requests("compute")).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2000);
    expect(hook().frame).toMatchObject({ node: 4, complete: 1 });
    const asked = requests("frame").length;
    press(st("signal-canvas"), "ArrowRight");
    await vi.advanceTimersByTimeAsync(400);
    expect(hook().state().position).toEqual([3, 8]);
    expect(requests("frame")).toHaveLength(asked);
  });

  it("shows progress and can be cancelled and resumed", async () => {
    const { st, requests } = await mount({ node: 4 }, { mapStep: 0.01 });
    expect(st("status-progress").hidden).toBe(false);
    expect(Number(st("status-progress").getAttribute("aria-valuenow"))).toBeGreaterThan(0);
    st("status-cancel").click();
    await vi.advanceTimersByTimeAsync(400);
    expect(requests("cancel")).toEqual([expect.objectContaining({ node: 4 })]);
    expect(st("status-progress").hidden).toBe(true);
    expect(st("status-compute").hidden).toBe(false);
    const asked = requests("compute").length;
    await vi.advanceTimersByTimeAsync(2000);
    expect(requests("compute")).toHaveLength(asked);
    st("status-compute").click();
    await vi.advanceTimersByTimeAsync(400);
    expect(requests("compute")).toHaveLength(asked + 1);
  });

  it("switches between its images and remembers the choice", async () => {
    const { st, model } = await mount({ node: 4 });
    st("component-theta").click();
    await vi.advanceTimersByTimeAsync(600);
    expect(hook().frame).toMatchObject({ node: 4, component: 3 });
    st("tree-node-flat").click();
    await vi.advanceTimersByTimeAsync(400);
    st("tree-node-strain").click();
    await vi.advanceTimersByTimeAsync(400);
    expect(hook().frame).toMatchObject({ node: 4, component: 3 });
    expect(model.traits.component).toBe(3);
  });

  it("chooses levels around zero for diverging images", async () => {
    const { model } = await mount({ node: 4 });
    await vi.advanceTimersByTimeAsync(600);
    const levels = (model.traits.levels as Record<string, { low: number; high: number }>)["4.0"];
    expect(levels?.low).toBeCloseTo(-(levels?.high ?? 0));
  });
});

describe("levels", () => {
  it("are held across frames until Auto is pressed", async () => {
    const { st, model } = await mount();
    change(st("levels-high-value"), "444");
    press(st("navigator-canvas"), "ArrowRight");
    await vi.advanceTimersByTimeAsync(600);
    const held = (): unknown => (model.traits.levels as Record<string, unknown>)["1"];
    expect(held()).toMatchObject({ high: 444, automatic: false });
    st("levels-auto").click();
    await vi.advanceTimersByTimeAsync(600);
    expect(held()).toMatchObject({ automatic: true });
    expect(held()).not.toMatchObject({ high: 444 });
  });

  it("of a map that grows only widen until it is complete", async () => {
    const { model } = await mount({ node: 4 }, { mapStep: 0.03 });
    const reach = (): number | undefined =>
      (model.traits.levels as Record<string, { high: number }>)["4.0"]?.high;
    const reaches: number[] = [];
    for (let i = 0; i < 200 && (hook().frame?.complete ?? 0) < 1; i++) {
      reaches.push(reach() ?? 0);
      await vi.advanceTimersByTimeAsync(50);
    }
    expect(reaches.length).toBeGreaterThan(20);
    expect(reaches).toEqual([...reaches].sort((a, b) => a - b));
    expect(reach()).toBeGreaterThan(0);
  });

  it("move by keys and never cross", async () => {
    const { st, model } = await mount();
    const before = { ...(model.traits.levels as Record<string, { low: number; high: number }>)["1"] };
    press(st("levels-low"), "ArrowRight");
    change(st("levels-low-value"), "100000");
    await vi.advanceTimersByTimeAsync(600);
    const after = (model.traits.levels as Record<string, { low: number; high: number }>)["1"];
    expect(after?.low).toBeGreaterThan(before.low ?? 0);
    expect(after?.low).toBeLessThan(after?.high ?? 0);
  });

  it("keep gamma, logarithm and colormap in the traits, apart for patterns and maps", async () => {
    const { st, model } = await mount();
    change(st("levels-colormap"), "magma");
    change(st("levels-gamma"), "-30", "input");
    const log = st("levels-log") as HTMLInputElement;
    log.checked = true;
    log.dispatchEvent(new Event("change"));
    await vi.advanceTimersByTimeAsync(600);
    expect(model.traits.colormap).toMatchObject({ signal: "magma", diverging: "diverging" });
    expect(model.traits.gamma).toMatchObject({ signal: 0.501, map: 1 });
    expect(model.traits.log).toMatchObject({ signal: true, diverging: false });
  });
});

describe("parameters", () => {
  it("are tried while sliding and kept once, when the slider is let go", async () => {
    const { st, requests } = await mount({ node: 3 }, { delayMs: 40 });
    await vi.advanceTimersByTimeAsync(200);
    const slider = st("parameter-threshold-slider");
    const before = requests("frame").length;
    for (let i = 0; i <= 20; i++) {
      change(slider, String(400 + i * 20), "input");
      await vi.advanceTimersByTimeAsync(10);
    }
    await vi.advanceTimersByTimeAsync(100);
    expect(requests("set_params")).toHaveLength(0);
    const drafts = requests("frame").slice(before);
    // Two in flight, the newest last.
    expect(drafts.length).toBeGreaterThan(5);
    expect(drafts.length).toBeLessThan(20);
    expect(drafts.at(-1)).toMatchObject({ node: 3, draft: { threshold: 0.8, radius: 4 } });
    expect(hook().frame).toMatchObject({ node: 3, draft: true });
    change(slider, "800", "change");
    await vi.advanceTimersByTimeAsync(600);
    expect(requests("set_params")).toHaveLength(1);
    expect(requests("set_params")[0]).toMatchObject({ node: 3, params: { threshold: 0.8, radius: 4 } });
    expect((st("parameter-threshold-value") as HTMLInputElement).valueAsNumber).toBeCloseTo(0.8);
    expect(hook().frame).toMatchObject({ node: 3, draft: false });
    expect(requests("frame").at(-1)?.draft).toBeUndefined();
  });

  it("are kept once for a run of keys on a slider", async () => {
    const { st, requests } = await mount({ node: 3 });
    const slider = st("parameter-radius-slider");
    for (let i = 0; i < 5; i++) {
      press(slider, "ArrowRight");
      await vi.advanceTimersByTimeAsync(20);
    }
    expect(requests("set_params")).toHaveLength(0);
    slider.dispatchEvent(new KeyboardEvent("keyup", { key: "ArrowRight", bubbles: true }));
    await vi.advanceTimersByTimeAsync(100);
    expect(requests("set_params")).toHaveLength(1);
  });

  it("say at the control why what is tried cannot be", async () => {
    const { st, kernel } = await mount({ node: 3 });
    const error = { code: "parameter", message: "radius 60 px does not fit", hint: "", node: 3, index: null };
    kernel.failNext = error;
    change(st("parameter-radius-slider"), "900", "input");
    await vi.advanceTimersByTimeAsync(10);
    expect(st("parameters-refusal").textContent).toContain("does not fit");
    expect(st("parameter-radius").classList.contains("st-refused")).toBe(true);
    expect(st("signal-failure").hidden).toBe(true);
    change(st("parameter-radius-slider"), "200", "input");
    await vi.advanceTimersByTimeAsync(200);
    expect(st("parameters-refusal").hidden).toBe(true);
    expect(st("parameter-radius").classList.contains("st-refused")).toBe(false);
  });

  it("of a whole map are only kept, never tried", async () => {
    const { st, requests } = await mount({ node: 4 });
    change(st("parameter-label-value"), "grain");
    await vi.advanceTimersByTimeAsync(300);
    expect(requests("set_params")).toHaveLength(1);
    expect(requests("frame").every(({ draft }) => draft === undefined)).toBe(true);
  });

  it("go back and forth through their history by buttons and keys", async () => {
    const { st, requests } = await mount({ node: 3 });
    const radius = st("parameter-radius-value") as HTMLInputElement;
    const [undo, redo] = [st("parameters-undo"), st("parameters-redo")] as HTMLButtonElement[];
    expect(undo?.disabled).toBe(true);
    change(radius, "5");
    await vi.advanceTimersByTimeAsync(300);
    expect(undo?.disabled).toBe(false);
    undo?.click();
    await vi.advanceTimersByTimeAsync(300);
    expect(radius.valueAsNumber).toBe(4);
    expect(redo?.disabled).toBe(false);
    const key = (target: HTMLElement, shiftKey: boolean): KeyboardEvent => {
      const event = new KeyboardEvent("keydown", {
        key: "z",
        ctrlKey: true,
        shiftKey,
        bubbles: true,
        cancelable: true,
      });
      target.dispatchEvent(event);
      return event;
    };
    expect(key(st("signal-canvas"), true).defaultPrevented).toBe(true);
    await vi.advanceTimersByTimeAsync(300);
    expect(radius.valueAsNumber).toBe(5);
    key(st("tree"), false);
    await vi.advanceTimersByTimeAsync(300);
    expect(radius.valueAsNumber).toBe(4);
    // Inside a field the keys are those of its text.
    expect(key(radius, true).defaultPrevented).toBe(false);
    expect(requests("undo")).toHaveLength(2);
    expect(requests("redo")).toHaveLength(1);
  });

  it("have a control for every kind, and auto for what may be left out", async () => {
    const { st, requests } = await mount({ node: 2 });
    const auto = st("parameter-center-auto") as HTMLInputElement;
    expect(auto.checked).toBe(true);
    auto.checked = false;
    auto.dispatchEvent(new Event("change"));
    await vi.advanceTimersByTimeAsync(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { center: [56, 64] } });
    const clip = st("parameter-clip-value") as HTMLInputElement;
    clip.checked = false;
    clip.dispatchEvent(new Event("change"));
    await vi.advanceTimersByTimeAsync(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { clip: false, center: [56, 64] } });
    st("parameters-reset").click();
    await vi.advanceTimersByTimeAsync(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { clip: true, center: null } });
    expect(auto.checked).toBe(true);
  });

  it("are refused with the reason when what is typed lies outside their limits", async () => {
    const { st, requests } = await mount({ node: 3 });
    const field = st("parameter-radius-value") as HTMLInputElement;
    const problem = st("parameter-radius-problem");
    change(field, "-3");
    expect([field.value, problem.textContent]).toEqual([
      "4",
      "\u22123 is not taken: it has to be at least 1 px",
    ]);
    change(st("parameter-min_distance-value"), "5.7");
    expect(st("parameter-min_distance-problem").textContent).toContain("whole number");
    await vi.advanceTimersByTimeAsync(300);
    expect(requests("set_params")).toEqual([]);
    change(field, "7.5");
    await vi.advanceTimersByTimeAsync(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { radius: 7.5 } });
    expect(problem.textContent).toBe("");
  });

  it("are not moved by a message while their slider is held", async () => {
    const { st, kernel } = await mount({ node: 4 });
    const form = kernel.nodes.find(({ id }) => id === 4);
    expect(form?.kind).toBe("map");
    st("tree-node-peaks").click();
    await vi.advanceTimersByTimeAsync(400);
    const slider = st("parameter-radius-slider") as HTMLInputElement;
    change(slider, "700", "input");
    kernel.changed();
    await vi.advanceTimersByTimeAsync(100);
    expect(slider.value).toBe("700");
    change(slider, "700");
    await vi.advanceTimersByTimeAsync(300);
    expect(Number((st("parameter-radius-value") as HTMLInputElement).value)).toBeGreaterThan(4);
  });

  it("go back to what the node has when refused, and the refusal ends with the next change", async () => {
    const { st, kernel } = await mount({ node: 3 });
    const radius = st("parameter-radius-value") as HTMLInputElement;
    kernel.refuseNext = {
      code: "not_applicable",
      message: "a disk of 60 px does not fit into the frame",
      hint: "take a smaller radius",
      node: 3,
      index: null,
    };
    change(radius, "60");
    await vi.advanceTimersByTimeAsync(600);
    expect(st("status-message").textContent).toContain("does not fit");
    expect(radius.valueAsNumber).toBe(4);
    change(radius, "5");
    await vi.advanceTimersByTimeAsync(600);
    expect(st("status-message").textContent).not.toContain("does not fit");
    expect(radius.valueAsNumber).toBe(5);
  });

  it("show the line of Rust and do not rebuild under the hand", async () => {
    const { st, kernel } = await mount({ node: 3 });
    expect(st("code").textContent).toBe(
      "let peaks = flat.find_peaks(NormalizedCorrelation { radius: 4.0, ..default() })?;",
    );
    const slider = st("parameter-radius-slider");
    kernel.changed();
    expect(st("parameter-radius-slider")).toBe(slider);
  });

  it("take a region that is drawn on the navigator", async () => {
    const { st, requests } = await mount({ node: 4 });
    st("parameter-reference-pick").click();
    expect(st("parameter-reference-pick").getAttribute("aria-pressed")).toBe("true");
    const canvas = st("navigator-canvas");
    for (const [type, x, y] of [
      ["pointerdown", 4.5, 2.5],
      ["pointermove", 9.5, 8.5],
      ["pointerup", 9.5, 8.5],
    ] as const) {
      const event = new MouseEvent(type, { bubbles: true, cancelable: true, button: 0 });
      Object.defineProperties(event, {
        clientX: { value: x / 56 },
        clientY: { value: y / 40 },
        pointerId: { value: 1 },
      });
      canvas.dispatchEvent(event);
    }
    await vi.advanceTimersByTimeAsync(300);
    expect(requests("set_params").at(-1)).toMatchObject({
      params: { reference: { x0: 4, y0: 2, width: 6, height: 7 } },
    });
    expect(hook().state().position).toEqual([3, 7]);
  });
});

describe("tree changes", () => {
  it("adds an operation that fits and shows its node", async () => {
    const { st, requests, model } = await mount({ node: 2 });
    st("add-operation").click();
    expect(st("operation-strain_map").getAttribute("aria-disabled")).toBe("true");
    expect(st("operation-strain_map").textContent).toContain("needs peaks");
    st("operation-strain_map").click();
    expect(requests("add_operation")).toHaveLength(0);
    st("operation-normalized_correlation").click();
    await vi.advanceTimersByTimeAsync(600);
    expect(requests("add_operation")[0]).toMatchObject({
      parent: 2,
      operation: "normalized_correlation",
      params: {},
    });
    expect(model.traits.node).toBe(20);
    expect(hook().frame?.node).toBe(20);
  });

  it("shows why a node cannot be removed", async () => {
    const { st } = await mount({ node: 2 });
    st("remove-node-flat").click();
    await vi.advanceTimersByTimeAsync(100);
    expect(st("status").textContent).toContain("peaks is computed from this node");
    expect(st("status").textContent).toContain("Remove peaks first");
    expect(st("status").dataset.level).toBe("error");
  });

  it("goes to the parent of a shown node that is removed", async () => {
    const { st, model } = await mount({ node: 4 });
    st("remove-node-strain").click();
    await vi.advanceTimersByTimeAsync(600);
    expect(model.traits.node).toBe(3);
    expect(hook().frame?.node).toBe(3);
  });
});

describe("trouble", () => {
  it("shows a failed frame in the view, and the next one works", async () => {
    const { st, kernel } = await mount();
    kernel.failNext = {
      code: "decode",
      message: "chunk 3.7 cannot be decoded",
      hint: "The file is damaged there.",
      node: 1,
      index: [3, 8],
    };
    press(st("navigator-canvas"), "ArrowRight");
    expect(st("signal-failure").hidden).toBe(false);
    expect(st("signal-failure").textContent).toContain("The file is damaged there.");
    press(st("navigator-canvas"), "ArrowRight");
    await vi.advanceTimersByTimeAsync(400);
    expect(st("signal-failure").hidden).toBe(true);
    expect(hook().frame?.index).toEqual([3, 9]);
  });

  it("shows the poster at once and says after three seconds that the kernel is gone", async () => {
    const poster = new DataView(Uint8Array.of(137, 80, 78, 71).buffer);
    const { st, kernel, element } = await mount({ poster, poster_text: "strain" }, { silent: true });
    expect(st("poster").getAttribute("src")).toBe("blob:poster");
    expect(st("status-message").textContent).toBe("");
    await vi.advanceTimersByTimeAsync(3000);
    expect(st("status-message").textContent).toBe("Kernel gone, last frame");
    kernel.silent = false;
    await vi.advanceTimersByTimeAsync(4000);
    expect(st("status-message").textContent).toBe("");
    expect(element.querySelector("[data-st=poster]")).toBeNull();
  });

  it("notices a kernel that goes away, and that it comes back", async () => {
    const { st, kernel } = await mount();
    kernel.silent = true;
    press(st("navigator-canvas"), "ArrowRight");
    await vi.advanceTimersByTimeAsync(6000);
    expect(st("status-message").textContent).toBe("Kernel gone, last frame");
    kernel.silent = false;
    await vi.advanceTimersByTimeAsync(15_000);
    expect(st("status-message").textContent).toBe("");
    expect(hook().frame?.index).toEqual([3, 8]);
  });

  it("keeps the poster when the messages are of another version", async () => {
    const { st, requests } = await mount({ protocol: 2, poster: new DataView(new ArrayBuffer(4)) });
    expect(requests("hello")).toHaveLength(0);
    expect(st("status-message").textContent).toContain("another version");
    expect(st("poster")).toBeTruthy();
  });

  it("says when a picture is malformed", async () => {
    const { model, st, requests } = await mount();
    press(st("navigator-canvas"), "ArrowRight");
    const { view, generation } = requests("frame").at(-1) as { view: number; generation: number };
    model.deliver(
      {
        type: "frame",
        view,
        generation: generation + 1,
        node: 1,
        width: 9,
        height: 9,
        sample: "u16",
        peak_count: null,
      },
      [new DataView(new ArrayBuffer(3))],
    );
    expect(st("signal-failure").textContent).toContain("needs 162 bytes, 3 came");
  });
});

describe("life of a view", () => {
  it("leaves nothing behind when aborted", async () => {
    const { model, abort, element } = await mount();
    abort.abort();
    expect(model.listenerCount).toBe(0);
    expect(element.childElementCount).toBe(0);
    const sent = model.sent.length;
    model.emit("change:position");
    model.deliver({ type: "navigator_changed", source: 1, complete: 1 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(model.sent).toHaveLength(sent);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("shares one session between two views, each with its own pictures", async () => {
    const model = new FakeModel({ protocol: 1, node: 1, position: [3, 7] });
    new FakeKernel(model, { delayMs: 5 });
    const abort = new AbortController();
    mountedViews.push(abort);
    const [first, second] = [document.createElement("div"), document.createElement("div")];
    document.body.append(first, second);
    const widget = signaltree();
    widget.initialize({ model, signal: abort.signal });
    const one = new AbortController();
    widget.render({ model, el: first, signal: one.signal });
    widget.render({ model, el: second, signal: abort.signal });
    await vi.advanceTimersByTimeAsync(400);
    const sent = model.sent as Record<string, unknown>[];
    expect(sent.filter(({ type }) => type === "hello")).toHaveLength(1);
    expect(new Set(sent.filter(({ type }) => type === "frame").map(({ view }) => view)).size).toBe(2);
    first.querySelector<HTMLElement>("[data-st=tree-node-flat]")?.click();
    expect(second.querySelector("[data-st=tree-node-flat]")?.getAttribute("aria-selected")).toBe("true");
    one.abort();
    expect(first.childElementCount).toBe(0);
    second.querySelector<HTMLElement>("[data-st=tree-node-scan]")?.click();
    await vi.advanceTimersByTimeAsync(400);
    expect(hook().frame?.node).toBe(1);
  });

  it("gives the keyboard to the view that takes the place of one", async () => {
    const model = new FakeModel({ protocol: 1, node: 1, position: [3, 7] });
    new FakeKernel(model);
    const abort = new AbortController();
    mountedViews.push(abort);
    const widget = signaltree();
    widget.initialize({ model, signal: abort.signal });
    const places = [0, 1, 2].map(() => document.body.appendChild(document.createElement("div")));
    const show = (at: number): AbortController => {
      const end = new AbortController();
      mountedViews.push(end);
      widget.render({ model, el: places[at] as HTMLElement, signal: end.signal });
      return end;
    };
    const canvas = (at: number): HTMLElement | null | undefined =>
      places[at]?.querySelector<HTMLElement>("[data-st=navigator-canvas]");
    const first = show(0);
    await vi.advanceTimersByTimeAsync(400);
    canvas(0)?.focus();
    first.abort();
    const second = show(1);
    await vi.advanceTimersByTimeAsync(50);
    expect(document.activeElement).toBe(canvas(1));
    canvas(1)?.blur();
    await vi.advanceTimersByTimeAsync(1);
    second.abort();
    show(2);
    await vi.advanceTimersByTimeAsync(50);
    expect(document.activeElement).toBe(document.body);
  });

  it("is whole when it is mounted after the kernel has answered", async () => {
    const { model, abort } = await mount({ node: 4 });
    const late = document.createElement("div");
    document.body.append(late);
    const widget = signaltree();
    widget.initialize({ model, signal: abort.signal });
    await vi.advanceTimersByTimeAsync(50);
    widget.render({ model, el: late, signal: abort.signal });
    await vi.advanceTimersByTimeAsync(400);
    expect(late.querySelector("[data-st=signal-title]")?.textContent).toBe("strain · Strain map");
    expect(late.querySelectorAll("[role=tab]")).toHaveLength(6);
    expect(late.querySelectorAll("[role=treeitem]")).toHaveLength(4);
    expect(late.querySelector("[data-st=parameter-reference]")).not.toBeNull();
    expect(late.querySelector("[data-st=navigator-readout]")?.textContent).toContain("x 7");
  });

  it("gives the keys back to the cell on Escape and on a press outside", async () => {
    const { st, element } = await mount();
    const [cell, other] = [element, document.createElement("div")];
    for (const place of [cell, other]) {
      place.tabIndex = -1;
    }
    const prompt = document.createElement("span");
    other.append(prompt);
    document.body.append(other);
    st("navigator-canvas").focus();
    press(st("navigator-canvas"), "Escape");
    expect(document.activeElement).toBe(cell);
    st("navigator-canvas").focus();
    prompt.dispatchEvent(new MouseEvent("pointerdown", { bubbles: true }));
    expect(document.activeElement).toBe(other);
  });

  it("takes over traits that the kernel or another page changed", async () => {
    const { model } = await mount();
    model.set("position", [5, 6]);
    await vi.advanceTimersByTimeAsync(400);
    expect(hook().frame?.index).toEqual([5, 6]);
  });

  it("loses nothing that is not saved yet when another trait changes", async () => {
    const { st, model } = await mount();
    press(st("navigator-canvas"), "ArrowRight");
    model.set("levels", { "1": { low: 1, high: 2, automatic: false } });
    await vi.advanceTimersByTimeAsync(400);
    expect(model.traits.position).toEqual([3, 8]);
    expect(hook().frame?.index).toEqual([3, 8]);
    expect((st("levels-high-value") as HTMLInputElement).value).toBe("2");
  });

  it("saves the view state once for many moves", async () => {
    const { st, model } = await mount();
    const before = model.saves;
    for (let i = 0; i < 8; i++) {
      press(st("navigator-canvas"), "ArrowRight");
      await vi.advanceTimersByTimeAsync(20);
    }
    await vi.advanceTimersByTimeAsync(600);
    expect(model.saves - before).toBe(1);
    expect(model.traits.position).toEqual([3, 15]);
  });

  it("shows a spectrum as a line, without levels", async () => {
    const { st, element } = await mount({ node: 11 }, { nodes: spectrumTree() });
    expect(hook().frame).toMatchObject({ node: 11 });
    expect(st("signal-title").textContent).toBe("spectra · EELS");
    expect(element.querySelector<HTMLElement>(".st-panel-levels")?.hidden).toBe(true);
  });
});

describe("caveats", () => {
  it("stand behind a badge, of the node and as they are now", async () => {
    const { kernel, st } = await mount();
    expect(st("caveats").hidden).toBe(true);
    const tell = async (...texts: string[]): Promise<void> => {
      for (const node of kernel.nodes) {
        node.caveats = texts.map((text) => ({ code: "absent_chunks", text }));
      }
      kernel.changed();
      await vi.advanceTimersByTimeAsync(50);
    };
    await tell("at least 3 of 64 chunks are not in the store", "shown in pixels");
    expect(st("caveats").hidden).toBe(false);
    expect(st("caveats-count").textContent).toBe("2");
    st("caveats").click();
    const items = (): (string | null)[] =>
      [...st("caveats-dialog").querySelectorAll("li")].map(({ textContent }) => textContent);
    expect(items()).toEqual(["at least 3 of 64 chunks are not in the store", "shown in pixels"]);
    await tell("at least 7 of 64 chunks are not in the store", "shown in pixels");
    expect(items()[0]).toContain("at least 7");
    await tell();
    expect(st("caveats").hidden).toBe(true);
  });

  it("are marked on a frame that the file lacks", async () => {
    const { kernel, model, st } = await mount();
    expect(st("exactness").hidden).toBe(true);
    kernel.filled = true;
    model.traits.position = [4, 7];
    press(st("navigator-canvas"), "ArrowDown");
    await vi.advanceTimersByTimeAsync(400);
    expect(st("exactness").textContent).toBe("not in the file: fill value");
  });
});
