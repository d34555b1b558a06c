import { beforeEach, describe, expect, it, vi } from "vitest";
import type { PanelContext } from "../src/panels/registry";
import { withPictures } from "../src/panels/with_pictures";
import type { Picture } from "../src/state/picture";
import { Store } from "../src/state/store";
import { INITIAL_VIEW } from "../src/state/view";
import { eachLaidOut } from "./laid_out";
import { eachOnAFreshPage, pass, show } from "./mounted";

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
