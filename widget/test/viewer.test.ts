import { describe, expect, it, vi } from "vitest";
import { eachOnAFreshPage, hook, pass, press, show } from "./mounted";

eachOnAFreshPage();

describe("viewer", () => {
  it("asks for the tree, the navigation image and one frame", async () => {
    const { requests, st } = await show();
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
    const { st, model } = await show();
    const before = { ...hook().state() };
    const first = hook().frame?.checksum;
    st("tree-node-peaks").click();
    await pass();
    expect(hook().frame).toMatchObject({ node: 3, index: [3, 7] });
    expect(hook().frame?.peaks).toBeGreaterThan(3);
    expect(hook().frame?.checksum).not.toBe(first);
    expect(hook().state().position).toEqual(before.position);
    expect(st("signal-readout").textContent).toMatch(/\d+ peaks/);
    expect(model.traits.node).toBe(3);
    st("tree-node-scan").click();
    await pass();
    expect(hook().frame?.checksum).toBe(first);
  });

  it("moves with the arrow keys, by ten with Shift, and stays inside the scan", async () => {
    const { st, model, requests } = await show();
    const canvas = st("navigator-canvas");
    expect(press(canvas, "ArrowRight").defaultPrevented).toBe(true);
    press(canvas, "ArrowDown", { shiftKey: true });
    await pass();
    expect(model.traits.position).toEqual([13, 8]);
    expect(hook().frame?.index).toEqual([13, 8]);
    for (let i = 0; i < 9; i++) {
      press(canvas, "ArrowUp", { shiftKey: true });
    }
    await pass();
    expect(model.traits.position).toEqual([0, 8]);
    expect(requests("frame").at(-1)).toMatchObject({ index: [0, 8] });
    const asked = requests("frame").length;
    await pass();
    // What came is exact: at rest there is nothing more to ask for.
    expect(requests("frame")).toHaveLength(asked);
  });

  it("asks for nothing when moving back to a picture it has", async () => {
    const { st, requests } = await show();
    press(st("navigator-canvas"), "ArrowRight");
    await pass();
    const asked = requests("frame").length;
    press(st("navigator-canvas"), "ArrowLeft");
    await pass();
    expect(requests("frame")).toHaveLength(asked);
    expect(hook().frame?.index).toEqual([3, 7]);
  });

  it("follows the pointer with the newest position last, one request in flight", async () => {
    const { st, requests } = await show({}, { delayMs: 100 });
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
    await pass();
    const before = requests("frame").length;
    point("pointerdown", 10.5);
    for (let x = 11; x < 40; x++) {
      point("pointermove", x + 0.5);
    }
    point("pointerup", 39.5);
    point("pointermove", 50.5);
    expect(requests("frame").length - before).toBe(1);
    await pass(1000);
    expect(requests("frame").length - before).toBeLessThanOrEqual(3);
    expect(hook().frame?.index).toEqual([20, 39]);
  });

  it("keeps keys from the notebook", async () => {
    const { st } = await show();
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
    const { st, model } = await show();
    press(st("tree"), "ArrowDown");
    press(st("tree"), "ArrowDown");
    press(st("tree"), "ArrowLeft");
    press(st("tree"), "End");
    await pass();
    expect(model.traits.node).toBe(4);
  });
});
