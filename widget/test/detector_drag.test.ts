import { describe, expect, it } from "vitest";
import type { FakeKernelOptions } from "./fake_kernel";
import { detectorTree } from "./fixtures";
import { eachLaidOut, patternOf, pointer } from "./laid_out";
import { eachOnAFreshPage, hook, pass, press, show } from "./mounted";

eachOnAFreshPage();
eachLaidOut();

const drafts = (requests: Record<string, unknown>[]): unknown[] =>
  requests.map((request) => request.draft).filter((draft) => draft !== undefined);

describe("a detector", () => {
  const tree = (): FakeKernelOptions => ({ nodes: detectorTree() });

  it("is tried while it is dragged and kept once, when it is let go", async () => {
    const { element, requests, st } = await show({ node: 5 }, tree());
    const canvas = patternOf(element);
    const [x, y] = [64.5 * 3, 56.5 * 3];
    pointer(canvas, "down", x, y);
    for (const step of [1, 2, 3, 4]) {
      pointer(canvas, "move", x + step * 6, y - step * 3);
      await pass(20);
    }
    expect(requests("set_params")).toHaveLength(0);
    expect(drafts(requests("frame")).at(-1)).toEqual({ centre: [52, 72], radius: 8 });
    expect(st("detector-readout").textContent).toBe("bright · 52, 72 px · radius 8 px (0.4 1/nm)");
    expect((st("parameter-centre-row") as HTMLInputElement).value).toBe("52");
    pointer(canvas, "up", x + 24, y - 12);
    await pass(400);
    expect(requests("set_params").map(({ params }) => params)).toEqual([{ centre: [52, 72], radius: 8 }]);
    expect(st("tree-node-bright").getAttribute("aria-selected")).toBe("true");
  });

  it("is resized at its rim; an automatic centre stays automatic", async () => {
    const { element, requests } = await show({ node: 5 }, tree());
    const canvas = patternOf(element);
    const [x, y] = [64.5 * 3, 56.5 * 3];
    pointer(canvas, "down", x + 24, y);
    pointer(canvas, "move", x + 36, y);
    pointer(canvas, "up", x + 36, y);
    await pass(400);
    expect(requests("set_params").map(({ params }) => params)).toEqual([{ centre: null, radius: 12 }]);
  });

  it("has at most one request in flight per pane however fast it is dragged", async () => {
    const { element, requests, kernel } = await show({ node: 5 }, { ...tree(), delayMs: 50 });
    await pass(2000);
    kernel.delayMs = 50;
    const before = requests("frame").length;
    const canvas = patternOf(element);
    pointer(canvas, "down", 64.5 * 3, 56.5 * 3);
    for (let step = 0; step < 40; step += 1) {
      pointer(canvas, "move", 64.5 * 3 + step, 56.5 * 3);
      await pass(5);
    }
    const sent = drafts(requests("frame").slice(before));
    expect(sent.length).toBeGreaterThanOrEqual(3);
    expect(sent.length).toBeLessThanOrEqual(6);
    pointer(canvas, "up", 64.5 * 3 + 39, 56.5 * 3);
    await pass(1000);
    expect(requests("set_params")).toHaveLength(1);
  });

  it("goes back when the drag is given up", async () => {
    const { element, requests, st } = await show({ node: 5 }, tree());
    const canvas = patternOf(element);
    pointer(canvas, "down", 64.5 * 3, 56.5 * 3);
    pointer(canvas, "move", 64.5 * 3 + 30, 56.5 * 3);
    await pass(50);
    press(canvas, "Escape");
    await pass(400);
    expect(requests("set_params")).toHaveLength(0);
    expect(hook().frame).toMatchObject({ node: 5, draft: false });
    expect((st("parameter-centre-row") as HTMLInputElement).value).toBe("");
  });

  it("is moved by the keys once it is held, and a run of keys is one change", async () => {
    const { element, requests, model } = await show({ node: 5 }, tree());
    const canvas = patternOf(element);
    press(canvas, "ArrowRight");
    await pass(300);
    expect(model.traits.position).toEqual([3, 8]);
    press(canvas, "d");
    press(canvas, "ArrowRight");
    press(canvas, "ArrowUp");
    press(canvas, "ArrowUp", { shiftKey: true });
    press(canvas, "+");
    await pass(100);
    expect(requests("set_params")).toHaveLength(0);
    await pass(800);
    expect(requests("set_params").map(({ params }) => params)).toEqual([{ centre: [45, 65], radius: 9 }]);
    expect(model.traits.position).toEqual([3, 8]);
    press(canvas, "Escape");
    press(canvas, "ArrowLeft");
    await pass(300);
    expect(model.traits.position).toEqual([3, 7]);
  });

  it("says that its image is an estimate until the exact one is there", async () => {
    const { kernel, element } = await show({ node: 5 }, tree());
    kernel.estimates = true;
    const chip = (): string => {
      const map = [...element.querySelectorAll(".st-pane")].find((pane) => !pane.matches(".st-companion"));
      const found = map?.querySelector<HTMLElement>("[data-st=exactness]");
      return found?.hidden ? "" : (found?.textContent ?? "");
    };
    expect(chip()).toBe("");
    const canvas = patternOf(element);
    pointer(canvas, "down", 64.5 * 3, 56.5 * 3);
    pointer(canvas, "move", 64.5 * 3 + 30, 56.5 * 3);
    await pass(50);
    expect(chip()).toBe("estimate · 42 % exact");
    kernel.estimates = false;
    await pass(1000);
    expect(chip()).toBe("");
    pointer(canvas, "up", 64.5 * 3 + 30, 56.5 * 3);
  });

  it("is a ring or a rectangle as its operation says", async () => {
    const ring = await show({ node: 5 }, { nodes: detectorTree("virtual_annulus") });
    pointer(patternOf(ring.element), "down", (64.5 + 12) * 3, 56.5 * 3);
    pointer(patternOf(ring.element), "move", (64.5 + 20) * 3, 56.5 * 3);
    pointer(patternOf(ring.element), "up", (64.5 + 20) * 3, 56.5 * 3);
    await pass(400);
    expect(ring.requests("set_params")[0]?.params).toEqual({
      centre: null,
      inner_radius: 20,
      outer_radius: 32,
    });
    const box = await show({ node: 5 }, { nodes: detectorTree("virtual_rectangle") });
    // Rows 48 to 63, columns 56 to 71: the right edge.
    pointer(patternOf(box.element), "down", 72 * 3, 56 * 3);
    pointer(patternOf(box.element), "move", 80 * 3, 56 * 3);
    pointer(patternOf(box.element), "up", 80 * 3, 56 * 3);
    await pass(400);
    expect(box.requests("set_params")[0]?.params).toEqual({ corner: [48, 56], height: 16, width: 24 });
  });
});
