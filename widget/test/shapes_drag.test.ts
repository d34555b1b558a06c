import { describe, expect, it } from "vitest";
import { detectorTree, ENERGY, windowTree } from "./fixtures";
import { eachLaidOut, patternOf, pointer } from "./laid_out";
import { eachOnAFreshPage, pass, press, show, type } from "./mounted";

eachOnAFreshPage();
eachLaidOut();

const drafts = (requests: Record<string, unknown>[]): unknown[] =>
  requests.map((request) => request.draft).filter((draft) => draft !== undefined);
const kept = (requests: Record<string, unknown>[]): unknown[] => requests.map(({ params }) => params);
const written = (element: HTMLElement): string => (element as HTMLInputElement).value;

describe("an energy window", () => {
  /** CSS pixels of an energy on the plot, which leaves room for ticks. */
  const place = (energy: number): number => 48 + ((energy - 200) / 0.5 + 0.5) * (324 / 1024);

  it("is a band beside its image: an end is dragged, and kept when it is let go", async () => {
    const { element, requests, st } = await show({ node: 12 }, { nodes: windowTree() });
    expect(st("parameter-range").textContent).toContain("eV");
    expect((st("parameter-range-from") as HTMLInputElement).placeholder).toBe("327.75");
    const plot = patternOf(element);
    pointer(plot, "down", place(583.75), 150);
    pointer(plot, "move", place(620), 150);
    pointer(plot, "move", place(633.9), 140);
    await pass(50);
    expect(requests("set_params")).toHaveLength(0);
    expect(drafts(requests("frame")).at(-1)).toEqual({ range: [327.75, 634] });
    expect(st("detector-readout").textContent).toBe("oxygen · 327.75 to 634 eV · 612 channels");
    expect(written(st("parameter-range-to"))).toBe("634");
    pointer(plot, "up", place(633.9), 140);
    await pass(400);
    expect(kept(requests("set_params"))).toEqual([{ range: [327.75, 634] }]);
  });

  it("is moved by its inside and by keys, by a channel each", async () => {
    const { element, requests } = await show({ node: 12 }, { nodes: windowTree() });
    const plot = patternOf(element);
    pointer(plot, "down", place(450), 150);
    pointer(plot, "move", place(470), 150);
    pointer(plot, "up", place(470), 150);
    await pass(400);
    expect(kept(requests("set_params"))).toEqual([{ range: [347.75, 603.75] }]);
    press(plot, "ArrowRight");
    press(plot, "ArrowRight");
    press(plot, "]");
    await pass(800);
    expect(kept(requests("set_params")).at(-1)).toEqual({ range: [349.25, 604.75] });
  });

  it("lies the other way round on an axis that falls", async () => {
    const falling = { ...ENERGY, scale: -0.5, offset: 711.5 };
    const { element, requests } = await show({ node: 12 }, { nodes: windowTree(falling) });
    const plot = patternOf(element);
    // The right end is the lower one.
    const right = 48 + 768 * (324 / 1024);
    pointer(plot, "down", right, 150);
    pointer(plot, "move", right + 32, 150);
    pointer(plot, "up", right + 32, 150);
    await pass(400);
    expect(kept(requests("set_params"))).toEqual([{ range: [277, 583.75] }]);
  });

  it("is typed: one end of what is left out, and never from above to", async () => {
    const { requests, st } = await show({ node: 12 }, { nodes: windowTree() });
    type(st("parameter-range-from"), "525.5");
    await pass(400);
    expect(kept(requests("set_params"))).toEqual([{ range: [525.5, 583.75] }]);
    type(st("parameter-range-to"), "500");
    expect(st("parameter-range-problem").textContent).toBe(
      "From 525.5 to 500 there is nothing: from has to be below to",
    );
    expect(written(st("parameter-range-to"))).toBe("583.75");
    const auto = st("parameter-range-auto") as HTMLInputElement;
    auto.click();
    await pass(400);
    expect(kept(requests("set_params")).at(-1)).toEqual({ range: null });
    auto.click();
    await pass(400);
    expect(kept(requests("set_params")).at(-1)).toEqual({ range: [327.75, 583.75] });
  });
});

describe("a polygon", () => {
  const tree = () => ({ nodes: detectorTree("virtual_polygon") });
  /** CSS pixels of the centre of a pixel. */
  const place = (row: number, column: number): [number, number] => [(column + 0.5) * 3, (row + 0.5) * 3];

  it("has vertices that are dragged, and gets one where an edge is dragged", async () => {
    const { element, requests, st } = await show({ node: 5 }, tree());
    const pattern = patternOf(element);
    pointer(pattern, "down", ...place(28, 64));
    pointer(pattern, "move", ...place(20, 70));
    await pass(50);
    const dragged = [
      [20, 70],
      [56, 96],
      [84, 64],
      [56, 32],
    ];
    expect(drafts(requests("frame")).at(-1)).toEqual({ vertices: dragged });
    expect(st("detector-readout").textContent).toMatch(/^bright · 52, 64 px · 4 vertices · \d+ px² /);
    pointer(pattern, "up", ...place(20, 70));
    await pass(400);
    expect(kept(requests("set_params"))).toEqual([{ vertices: dragged }]);
    // The middle of the last edge but one.
    pointer(pattern, "down", ...place(70, 48));
    pointer(pattern, "move", ...place(80, 40));
    pointer(pattern, "up", ...place(80, 40));
    await pass(400);
    const added = dragged.toSpliced(3, 0, [80, 40]);
    expect(kept(requests("set_params")).at(-1)).toEqual({ vertices: added });
    expect(written(st("parameter-vertices-3-row"))).toBe("80");
  });

  it("loses a vertex by Delete over it, and keeps three", async () => {
    const { element, requests } = await show({ node: 5 }, tree());
    const pattern = patternOf(element);
    press(pattern, "d");
    pointer(pattern, "move", ...place(56, 96));
    press(pattern, "Delete");
    await pass(400);
    const three = [
      [28, 64],
      [84, 64],
      [56, 32],
    ];
    expect(kept(requests("set_params"))).toEqual([{ vertices: three }]);
    pointer(pattern, "move", ...place(84, 64));
    press(pattern, "Delete");
    await pass(400);
    expect(requests("set_params")).toHaveLength(1);
  });

  it("is moved by its inside; a click on an edge changes nothing", async () => {
    const { element, requests } = await show({ node: 5 }, tree());
    const pattern = patternOf(element);
    pointer(pattern, "down", ...place(70, 48));
    pointer(pattern, "move", ...place(70.2, 48.2));
    pointer(pattern, "up", ...place(70.2, 48.2));
    await pass(400);
    expect(requests("set_params")).toHaveLength(0);
    pointer(pattern, "down", ...place(56, 64));
    pointer(pattern, "move", ...place(66, 60));
    pointer(pattern, "up", ...place(66, 60));
    await pass(400);
    expect(kept(requests("set_params"))).toEqual([
      {
        vertices: [
          [38, 60],
          [66, 92],
          [94, 60],
          [66, 28],
        ],
      },
    ]);
  });

  it("is typed vertex by vertex", async () => {
    const { requests, st } = await show({ node: 5 }, tree());
    (st("parameter-vertices-auto") as HTMLInputElement).click();
    await pass(400);
    const four = [
      [28, 64],
      [56, 96],
      [84, 64],
      [56, 32],
    ];
    expect(kept(requests("set_params")).at(-1)).toEqual({ vertices: four });
    type(st("parameter-vertices-1-column"), "101.5");
    await pass(400);
    const wider = four.with(1, [56, 101.5]);
    expect(kept(requests("set_params")).at(-1)).toEqual({ vertices: wider });
    st("parameter-vertices-add").click();
    await pass(400);
    expect((kept(requests("set_params")).at(-1) as { vertices: unknown[] }).vertices).toHaveLength(5);
    st("parameter-vertices-0-remove").click();
    st("parameter-vertices-0-remove").click();
    st("parameter-vertices-0-remove").click();
    await pass(400);
    expect((kept(requests("set_params")).at(-1) as { vertices: unknown[] }).vertices).toHaveLength(3);
    expect(st("parameter-vertices-problem").textContent).toBe("A polygon has at least three vertices");
  });
});
