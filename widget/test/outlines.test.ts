import { describe, expect, test } from "vitest";
import {
  changedParams,
  cursorOf,
  type Detector,
  detectorOf,
  dragged,
  type Ground,
  gripAt,
  isSeen,
  knobs,
  middleOf,
  moved,
  resized,
  textOf,
  without,
} from "../src/geometry/detector";
import { channelsIn } from "../src/geometry/outlines/band";
import { withoutVertex, withVertex } from "../src/geometry/outlines/polygon";
import type { AxisDescription, Outline } from "../src/protocol/generated";
import { ENERGY } from "./fixtures";

// Not square, so that swapped axes cannot pass.
const FRAME = { width: 128, height: 112 };

describe("a polygon", () => {
  const OUTLINE: Outline = { type: "polygon", vertices: "corners" };
  const of = (vertices: unknown): Detector => detectorOf(OUTLINE, { corners: vertices }, FRAME);
  const triangle = of([
    [20, 30],
    [20, 70],
    [60, 30],
  ]);

  test("lies where its vertices are, or in the middle", () => {
    expect(triangle).toMatchObject({
      type: "polygon",
      vertices: [
        [20, 30],
        [20, 70],
        [60, 30],
      ],
    });
    expect(of(null)).toMatchObject({
      type: "polygon",
      vertices: [
        [28, 64],
        [56, 96],
        [84, 64],
        [56, 32],
      ],
    });
    expect(of([[1, 2]])).toEqual(of(null));
    expect(middleOf(triangle)).toEqual({ x: 50.5, y: 40.5 });
  });

  test("has vertices, edges and an inside", () => {
    const at = (row: number, column: number) => gripAt(triangle, { x: column + 0.5, y: row + 0.5 }, 3);
    expect(at(21, 69)).toBe("vertex 1");
    expect(at(60, 30)).toBe("vertex 2");
    expect(at(19, 50)).toBe("edge 0");
    expect(at(40, 28)).toBe("edge 2");
    expect(at(30, 40)).toBe("move");
    expect(at(60, 70)).toBeNull();
    expect(cursorOf(triangle, "move", { x: 0, y: 0 })).toBe("move");
    expect(cursorOf(triangle, "vertex 1", { x: 0, y: 0 })).toBe("crosshair");
  });

  test("is hollow where its outline goes twice round, as in the kernel", () => {
    const star = of([
      [10, 50],
      [90, 80],
      [40, 20],
      [40, 80],
      [90, 20],
    ]);
    const inside = (row: number, column: number) =>
      gripAt(star, { x: column + 0.5, y: row + 0.5 }, 0.5) !== null;
    expect([inside(30, 50), inside(55, 50), inside(80, 26)]).toEqual([true, false, true]);
  });

  test("a vertex moves alone, and an edge becomes two", () => {
    const from = { x: 70.5, y: 20.5 };
    expect(dragged(triangle, "vertex 1", from, { x: 80.26, y: 24.5 }, FRAME, 0.5)).toMatchObject({
      vertices: [
        [20, 30],
        [24, 80],
        [60, 30],
      ],
    });
    // Not further than the frame.
    expect(dragged(triangle, "vertex 1", from, { x: 999, y: -999 }, FRAME, 0.5)).toMatchObject({
      vertices: [
        [20, 30],
        [-0.5, 127.5],
        [60, 30],
      ],
    });
    const added = dragged(triangle, "edge 2", { x: 30.5, y: 40.5 }, { x: 10.5, y: 42.5 }, FRAME, 0.5);
    expect(added).toMatchObject({
      vertices: [
        [20, 30],
        [20, 70],
        [60, 30],
        [42, 10],
      ],
    });
    expect(without(added, "vertex 3")).toEqual(triangle);
    expect(without(added, "edge 1")).toBeNull();
    expect(without(triangle, "vertex 0")).toBeNull();
  });

  test("moves and grows as a whole", () => {
    expect(moved(triangle, 3, -5.2, FRAME, 0.5)).toMatchObject({
      vertices: [
        [23, 25],
        [23, 65],
        [63, 25],
      ],
    });
    const far = moved(triangle, 999, 999, FRAME, 0.5);
    expect(middleOf(far)).toEqual({ x: 127.5, y: 111.5 });
    const grown = resized(triangle, "outer", 2, FRAME, 0.1) as Extract<Detector, { type: "polygon" }>;
    expect(grown.vertices[0]?.[0]).toBeLessThan(20);
    expect(middleOf(grown)).toEqual({ x: 50.5, y: 40.5 });
    expect(resized(triangle, "outer", -999, FRAME, 0.1)).not.toEqual(triangle);
  });

  test("says what changed and what it is", () => {
    expect(changedParams(OUTLINE, triangle, moved(triangle, 1, 0, FRAME, 1))).toEqual({
      corners: [
        [21, 30],
        [21, 70],
        [61, 30],
      ],
    });
    expect(changedParams(OUTLINE, triangle, triangle)).toEqual({});
    const axis = (name: string): AxisDescription => ({
      name,
      size: 9,
      scale: 0.05,
      offset: 0,
      units: "1/nm",
    });
    expect(textOf(triangle, [axis("ky"), axis("kx")])).toBe("40, 50 px · 3 vertices · 800 px² (2 1/nm²)");
    expect(knobs(triangle)).toHaveLength(6);
    expect(isSeen(triangle, { left: 0, top: 0, width: 40, height: 40 })).toBe(true);
    expect(isSeen(triangle, { left: 80, top: 0, width: 40, height: 40 })).toBe(false);
  });

  test("is taken hold of at the border where it reaches beyond the frame, and says so", () => {
    const far = of([
      [-20, 30],
      [40, 70],
      [40, 300],
    ]);
    expect(textOf(far, [])).toMatch(/3 vertices · .* px² · 2 outside the frame, held at its border$/);
    expect(textOf(triangle, [])).not.toContain("outside");
    const handles = knobs(far).filter(({ minor }) => !minor);
    expect(handles.map(({ at }) => at)).toEqual([
      { x: 30.5, y: 0 },
      { x: 70.5, y: 40.5 },
      { x: 128, y: 40.5 },
    ]);
    for (const { grip, at } of knobs(far)) {
      expect(gripAt(far, at, 1.5)).toBe(grip);
    }
    const mended = dragged(far, "vertex 2", { x: 128, y: 40.5 }, { x: 118, y: 42.5 }, FRAME, 0.5);
    expect(mended).toMatchObject({
      vertices: [
        [-20, 30],
        [40, 70],
        [42, 117.5],
      ],
    });
  });

  test("gets another vertex on its longest edge, and keeps three", () => {
    const three = [
      [0, 0],
      [0, 10],
      [4, 0],
    ] as const;
    const four = withVertex(three);
    expect(four).toEqual([
      [0, 0],
      [0, 10],
      [2, 5],
      [4, 0],
    ]);
    expect(withoutVertex(four, 2)).toEqual(three);
    expect(withoutVertex(three, 0)).toBeNull();
  });
});

describe("a band", () => {
  const OUTLINE: Outline = { type: "band", range: "range" };
  const ground = (axis: AxisDescription): Ground => ({ width: axis.size, height: 1, axis });
  const on = (axis: AxisDescription, range: unknown): Detector =>
    detectorOf(OUTLINE, { range }, ground(axis));
  const band = on(ENERGY, [520, 560]);
  const falling = { ...ENERGY, scale: -0.5, offset: 711.5 };
  const uneven = { ...ENERGY, size: 6, scale: 12, offset: 1, values: [1, 2, 4, 8, 16, 32] };

  test("lies on the axis, in its unit", () => {
    expect(band).toMatchObject({ from: 520, to: 560 });
    // Edges half a channel beside the centres of 640 and 720.
    expect(middleOf(band)).toEqual({ x: 680.5, y: 0.5 });
    expect(on(ENERGY, null)).toMatchObject({ from: 327.75, to: 583.75 });
    expect(on(falling, null)).toMatchObject({ from: 327.75, to: 583.75 });
    expect(detectorOf(OUTLINE, {}, { width: 9, height: 1 })).toMatchObject({ from: 1.5, to: 6.5 });
  });

  test("covers the channels whose centres lie inside, as in the kernel", () => {
    expect(channelsIn({ from: 520, to: 560, axis: ENERGY })).toEqual({ first: 640, end: 720, isCut: false });
    expect(channelsIn({ from: 520.1, to: 560.1, axis: ENERGY })).toMatchObject({ first: 641, end: 721 });
    expect(channelsIn({ from: 520, to: 560, axis: falling })).toMatchObject({ first: 304, end: 384 });
    expect(channelsIn({ from: 3, to: 9, axis: uneven })).toEqual({ first: 2, end: 4, isCut: false });
    expect(channelsIn({ from: 700, to: 712, axis: ENERGY }).isCut).toBe(false);
    expect(channelsIn({ from: 700, to: 800, axis: ENERGY })).toEqual({ first: 1000, end: 1024, isCut: true });
    const tenth = { ...ENERGY, scale: 0.1 };
    expect(channelsIn({ from: 200.3, to: 200.7, axis: tenth })).toMatchObject({ first: 3, end: 7 });
  });

  test("has two ends and an inside", () => {
    const at = (x: number) => gripAt(band, { x, y: 0.3 }, 4);
    expect([at(635), at(638), at(643), at(680), at(718), at(723), at(726)]).toEqual([
      null,
      "w",
      "w",
      "move",
      "e",
      "e",
      null,
    ]);
    expect(cursorOf(band, "w", { x: 640, y: 0 })).toBe("ew-resize");
    expect(knobs(band).map(({ at: { x } }) => x)).toEqual([640.5, 720.5]);
  });

  test("an end goes to round numbers, and leaves a channel", () => {
    const pull = (detector: Detector, axis: AxisDescription, grip: "w" | "e", by: number, step = 2) =>
      dragged(detector, grip, { x: 0, y: 0 }, { x: by, y: 0 }, ground(axis), step);
    expect(pull(band, ENERGY, "e", 20.7)).toMatchObject({ from: 520, to: 570 });
    expect(pull(band, ENERGY, "w", -3.3)).toMatchObject({ from: 518, to: 560 });
    expect(pull(band, ENERGY, "e", 9999)).toMatchObject({ from: 520, to: 712 });
    const least = pull(band, ENERGY, "w", 9999);
    expect(channelsIn(least as Extract<Detector, { type: "band" }>)).toMatchObject({ first: 719, end: 720 });
    // To the right are the lower values.
    const other = on(falling, [520, 560]);
    expect(pull(other, falling, "e", 20)).toMatchObject({ from: 510, to: 560 });
    expect(pull(other, falling, "w", 20)).toMatchObject({ from: 520, to: 550 });
    const wide = on(uneven, [3, 9]);
    expect(pull(wide, uneven, "e", 1, 0.1)).toMatchObject({ from: 3 });
    expect(channelsIn(pull(wide, uneven, "e", 1, 0.1) as never)).toMatchObject({ first: 2, end: 5 });
  });

  test("moves with its width, on the axis", () => {
    expect(moved(band, 0, 4, ground(ENERGY), 0.1)).toMatchObject({ from: 522, to: 562 });
    expect(moved(band, 7, 0, ground(ENERGY), 0.1)).toEqual(band);
    expect(moved(on(falling, [520, 560]), 0, 4, ground(falling), 0.1)).toMatchObject({ from: 518, to: 558 });
    const end = moved(band, 0, 9999, ground(ENERGY), 0.1);
    expect(channelsIn(end as never)).toEqual({ first: 944, end: 1024, isCut: false });
    expect(resized(band, "outer", 3, ground(ENERGY), 0.1)).toMatchObject({ from: 520, to: 561.5 });
    expect(resized(band, "inner", 3, ground(ENERGY), 0.1)).toMatchObject({ from: 521.5, to: 560 });
    expect(changedParams(OUTLINE, band, resized(band, "outer", 3, ground(ENERGY), 0.1))).toEqual({
      range: [520, 561.5],
    });
  });

  test("says how many channels it covers, and when the axis ends before it", () => {
    expect(textOf(band, [ENERGY])).toBe("520 to 560 eV · 80 channels");
    expect(textOf(on(ENERGY, [711, 900]), [ENERGY])).toBe(
      "711 to 900 eV · 2 channels, cut off where the axis ends",
    );
    expect(isSeen(band, { left: 0, top: 0, width: 640, height: 1 })).toBe(false);
    expect(isSeen(band, { left: 700, top: 0, width: 10, height: 1 })).toBe(true);
  });
});
