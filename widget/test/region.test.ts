import { describe, expect, it } from "vitest";
import { insideScan, regionAbout, regionText } from "../src/geometry/region";
import signaltree from "../src/index";
import { PROTOCOL_VERSION } from "../src/protocol/generated";
import { FakeKernel } from "./fake_kernel";
import { FakeModel } from "./fake_model";
import { strainTree } from "./fixtures";
import { eachLaidOut, pointer, scanPlace } from "./laid_out";
import { eachOnAFreshPage, endAfterwards, pass, press, show, type } from "./mounted";

eachOnAFreshPage();
eachLaidOut();

describe("a region of the scan", () => {
  it("shows the patterns of many positions together, live while it is drawn", async () => {
    const { st, requests, model } = await show();
    const canvas = st("navigator-canvas");
    st("region-toggle").click();
    await pass(200);
    // An eighth of 40 x 56 about 3, 7.
    expect(requests("frame").at(-1)?.region).toEqual({
      x0: 4,
      y0: 1,
      width: 7,
      height: 5,
      statistic: "mean",
    });
    pointer(canvas, "down", ...scanPlace(20.5, 10.5));
    pointer(canvas, "move", ...scanPlace(30.5, 12.5));
    await pass(20);
    pointer(canvas, "move", ...scanPlace(33.5, 21.5));
    pointer(canvas, "up", ...scanPlace(33.5, 21.5));
    await pass(300);
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
    const { st, requests } = await show();
    const canvas = st("navigator-canvas");
    st("region-toggle").click();
    await pass(200);
    const last = (): unknown => requests("frame").at(-1)?.region;
    pointer(canvas, "down", ...scanPlace(7.5, 3.5));
    pointer(canvas, "move", ...scanPlace(17.5, 8.5));
    pointer(canvas, "up", ...scanPlace(17.5, 8.5));
    await pass(200);
    expect(last()).toMatchObject({ x0: 14, y0: 6, width: 7, height: 5 });
    pointer(canvas, "down", ...scanPlace(21, 11));
    pointer(canvas, "move", ...scanPlace(25, 12));
    pointer(canvas, "up", ...scanPlace(25, 12));
    await pass(200);
    expect(last()).toMatchObject({ x0: 14, y0: 6, width: 11, height: 6 });
    press(canvas, "ArrowDown");
    press(canvas, "ArrowLeft", { shiftKey: true });
    press(canvas, "-");
    await pass(200);
    expect(last()).toMatchObject({ x0: 4, y0: 7, width: 10, height: 5 });
    type(st("region-statistic"), "sum");
    await pass(200);
    expect(last()).toMatchObject({ statistic: "sum" });
    press(canvas, "Escape");
    await pass(200);
    expect(st("region-toggle").getAttribute("aria-pressed")).toBe("false");
    expect(st("navigator-readout").textContent).toContain("y 3, x 7");
  });

  it("lies over the maps of the scan and can be moved there", async () => {
    const { st, requests, model } = await show({
      node: 4,
      panes: [
        { key: 0, node: 4 },
        { key: 1, node: 1 },
      ],
    });
    st("region-toggle").click();
    await pass(200);
    const map = st("signal-canvas");
    pointer(map, "down", ...scanPlace(7.5, 3.5));
    pointer(map, "move", ...scanPlace(27.5, 23.5));
    pointer(map, "up", ...scanPlace(27.5, 23.5));
    await pass(300);
    const asked = requests("frame").filter(({ node }) => node === 1);
    expect(asked.at(-1)?.region).toMatchObject({ x0: 24, y0: 21, width: 7, height: 5 });
    expect(requests("frame").filter(({ node, region }) => node === 4 && region)).toEqual([]);
    expect(model.traits.position).toEqual([3, 7]);
  });

  it("stays when the notebook builds the view anew, and is not asked of peaks", async () => {
    const model = new FakeModel({ protocol: PROTOCOL_VERSION, node: 1, position: [3, 7] });
    new FakeKernel(model, { mapStep: 1 });
    const whole = new AbortController();
    endAfterwards(whole);
    const widget = signaltree();
    widget.initialize({ model, signal: whole.signal });
    const show = async (): Promise<{ element: HTMLElement; end: AbortController }> => {
      const element = document.createElement("div");
      const end = new AbortController();
      document.body.append(element);
      widget.render({ model, el: element, signal: end.signal });
      await pass(400);
      return { element, end };
    };
    const click = async (element: HTMLElement, name: string): Promise<void> => {
      element.querySelector<HTMLElement>(`[data-st="${name}"]`)?.click();
      await pass(400);
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
