import { describe, expect, it } from "vitest";
import { singleTree, tiltTree } from "./fixtures";
import { eachOnAFreshPage, pass, press, show, type } from "./mounted";

eachOnAFreshPage();

const values = (name: string): number =>
  (document.querySelector(`[data-st=axis-${name}-value]`) as HTMLInputElement).valueAsNumber;
const tilted = { node: 1, position: [1, 2, 3, 7] };

describe("a scan with four navigation axes", () => {
  it("has a slider for each of the slower ones", async () => {
    const { st, model, requests } = await show(tilted, { nodes: tiltTree() });
    expect([values("tilt"), values("time")]).toEqual([1, 2]);
    expect(requests("navigator").at(-1)).toMatchObject({ index: [1, 2, 3, 7] });
    expect(st("navigator-readout").textContent).toContain("tilt 1, time 2, y 3, x 7");
    type(st("axis-tilt-slider"), "2", "input");
    await pass();
    expect(model.traits.position).toEqual([2, 2, 3, 7]);
    expect(requests("frame").at(-1)).toMatchObject({ index: [2, 2, 3, 7] });
    expect(requests("navigator").at(-1)).toMatchObject({ index: [2, 2, 3, 7] });
    type(st("axis-time-value"), "0");
    await pass();
    expect(model.traits.position).toEqual([2, 0, 3, 7]);
    type(st("axis-time-value"), "99");
    await pass();
    expect([values("time"), model.traits.position]).toEqual([3, [2, 3, 3, 7]]);
  });

  it("is moved through by keys, from every picture", async () => {
    const { st, model } = await show(tilted, { nodes: tiltTree() });
    for (const [picture, key, shiftKey, expected] of [
      ["signal-canvas", "PageDown", false, [1, 3, 3, 7]],
      ["navigator-canvas", "PageDown", false, [1, 3, 3, 7]],
      ["navigator-canvas", "PageUp", false, [1, 2, 3, 7]],
      ["signal-canvas", "PageUp", true, [0, 2, 3, 7]],
      ["signal-canvas", "ArrowRight", false, [0, 2, 3, 8]],
      ["signal-canvas", "End", false, [0, 2, 3, 55]],
    ] as const) {
      expect(press(st(picture), key, { shiftKey }).defaultPrevented).toBe(true);
      await pass();
      expect(model.traits.position).toEqual(expected);
    }
    press(st("signal-canvas"), "End", { ctrlKey: true });
    await pass();
    expect(model.traits.position).toEqual([0, 2, 39, 55]);
  });

  it("shows the plane of a map at the position of the slower axes, and keeps each", async () => {
    const { st, requests } = await show({ ...tilted, node: 4 }, { nodes: tiltTree() });
    await pass(1000);
    const asked = (): number => requests("frame").length;
    let before = asked();
    press(st("navigator-canvas"), "ArrowRight");
    await pass();
    expect(asked()).toBe(before);
    press(st("navigator-canvas"), "PageDown");
    await pass();
    expect(requests("frame").at(-1)).toMatchObject({ node: 4, index: [1, 3, 3, 8] });
    before = asked();
    press(st("navigator-canvas"), "PageUp");
    await pass();
    expect(asked()).toBe(before);
  });
});

describe("Home and End", () => {
  it("go to the ends of the row, with Ctrl of the scan", async () => {
    const { st, model } = await show();
    for (const [key, ctrlKey, expected] of [
      ["End", false, [3, 55]],
      ["Home", false, [3, 0]],
      ["End", true, [39, 55]],
      ["Home", true, [0, 0]],
    ] as const) {
      press(st("navigator-canvas"), key, { ctrlKey });
      await pass();
      expect(model.traits.position).toEqual(expected);
    }
    // There is no slower axis: the page is scrolled.
    expect(press(st("navigator-canvas"), "PageDown").defaultPrevented).toBe(false);
  });
});

describe("a picture without a scan", () => {
  it.each([0, 1] as const)("has no navigator (%s positions)", async (positions) => {
    const { st } = await show({ position: [] }, { nodes: singleTree(positions) });
    expect(st("navigator-canvas").closest<HTMLElement>(".st-panel")?.hidden).toBe(true);
    expect(st("outer-axes").hidden).toBe(true);
    press(st("signal-canvas"), "Home");
    press(st("signal-canvas"), "ArrowRight");
    expect(st("signal-title").textContent).toBe("image · One image");
  });
});
