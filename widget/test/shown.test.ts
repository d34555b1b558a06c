import { describe, expect, it } from "vitest";
import { detectorOf, isSeen } from "../src/geometry/detector";
import { eachOnAFreshPage, pass, press, show } from "./mounted";

describe("a detector and the part of the pattern that is seen", () => {
  const frame = { width: 128, height: 112 };
  const part = (left: number, top: number): boolean[] => {
    const seen = { left, top, width: 20, height: 10 };
    const disk = { type: "disk", centre: "c", radius: "r" } as const;
    const ring = { type: "annulus", centre: "c", inner_radius: "i", outer_radius: "o" } as const;
    const box = { type: "rectangle", corner: "k", height: "h", width: "w" } as const;
    const params = { c: [50, 60], r: 8, i: 30, o: 40, k: [40, 50], h: 10, w: 20 };
    return [disk, ring, box].map((outline) => isSeen(detectorOf(outline, params, frame), seen));
  };
  it("meet or not", () => {
    expect(part(55, 46)).toEqual([true, true, true]);
    expect(part(0, 0)).toEqual([false, false, false]);
    // In the hole of the ring, beside its middle.
    expect(part(66, 40)).toEqual([true, false, true]);
    expect(part(90, 46)).toEqual([false, true, false]);
  });
});

describe("the rows of the tree", () => {
  eachOnAFreshPage();

  it("keep the focus in the viewer when the focused one is removed", async () => {
    const { st } = await show({ node: 4 });
    st("tree-node-strain").focus();
    press(st("tree-node-strain"), "Delete");
    await pass();
    expect(document.activeElement).toBe(st("tree-node-peaks"));
  });
});

describe("a picture of something else than what was chosen", () => {
  eachOnAFreshPage();

  it("is marked until the right one comes", async () => {
    const { st, kernel } = await show();
    const pane = st("signal-canvas").closest(".st-pane");
    expect(pane?.classList.contains("st-stale")).toBe(false);
    kernel.delayMs = 600;
    st("tree-node-flat").click();
    await pass(300);
    expect(pane?.classList.contains("st-stale")).toBe(true);
    await pass(600);
    expect(pane?.classList.contains("st-stale")).toBe(false);
  });
});
