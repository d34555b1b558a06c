import { describe, expect, test } from "vitest";
import {
  changedParams,
  cursorOf,
  type Detector,
  detectorOf,
  dragged,
  gripAt,
  knobs,
  middleOf,
  moved,
  resized,
} from "../src/geometry/detector";
import type { Outline } from "../src/protocol/generated";

// Not square, so that swapped axes cannot pass.
const FRAME = { width: 128, height: 112 };
const DISK: Outline = { type: "disk", centre: "centre", radius: "radius" };
const RING: Outline = {
  type: "annulus",
  centre: "centre",
  inner_radius: "inner_radius",
  outer_radius: "outer_radius",
};
const BOX: Outline = { type: "rectangle", corner: "corner", height: "height", width: "width" };

const disk = (row: number, column: number, radius: number): Detector => ({
  type: "disk",
  centre: [row, column],
  radius,
});
const ring: Detector = { type: "annulus", centre: [50, 60], inner: 10, outer: 20 };
const box: Detector = { type: "rectangle", corner: [20, 30], height: 8, width: 12 };

describe("where a detector lies", () => {
  test("what is left out lies where the kernel puts it", () => {
    expect(detectorOf(DISK, { centre: null, radius: 8 }, FRAME)).toEqual(disk(56, 64, 8));
    expect(detectorOf(DISK, { centre: [40, 50], radius: null }, FRAME)).toEqual(disk(40, 50, 40));
    expect(detectorOf(DISK, { centre: [100, 50] }, FRAME)).toEqual(disk(100, 50, 11));
    expect(detectorOf(BOX, { corner: null, height: 9, width: 16 }, FRAME)).toEqual({
      type: "rectangle",
      corner: [52, 56],
      height: 9,
      width: 16,
    });
    expect(detectorOf(RING, { centre: null, inner_radius: 3, outer_radius: 9 }, FRAME)).toEqual({
      type: "annulus",
      centre: [56, 64],
      inner: 3,
      outer: 9,
    });
  });

  test("pixel centres are whole numbers in the parameters", () => {
    expect(middleOf(disk(10, 20, 3))).toEqual({ x: 20.5, y: 10.5 });
    expect(middleOf(box)).toEqual({ x: 36, y: 24 });
  });
});

describe("what is under the pointer", () => {
  test("a disk has a rim and an inside", () => {
    const at = (x: number, y: number) => gripAt(disk(50, 60, 10), { x: 60.5 + x, y: 50.5 + y }, 2);
    expect(at(0, 0)).toBe("move");
    expect(at(7, 0)).toBe("move");
    expect(at(9, 0)).toBe("radius");
    expect(at(0, -11.5)).toBe("radius");
    expect(at(13, 0)).toBeNull();
  });

  test("a small disk can still be moved", () => {
    expect(gripAt(disk(50, 60, 2), { x: 60.5, y: 50.5 }, 6)).toBe("move");
    expect(gripAt(disk(50, 60, 2), { x: 63.5, y: 50.5 }, 6)).toBe("radius");
  });

  test("a ring has two rims; the ring and its hole move it", () => {
    const at = (x: number) => gripAt(ring, { x: 60.5 + x, y: 50.5 }, 2);
    expect(at(0)).toBe("move");
    expect(at(10)).toBe("inner");
    expect(at(15)).toBe("move");
    expect(at(20)).toBe("outer");
    expect(at(30)).toBeNull();
    const full: Detector = { ...ring, inner: 0 };
    expect(gripAt(full, { x: 60.5, y: 50.5 }, 2)).toBe("move");
  });

  test("a rectangle has sides and corners", () => {
    expect(gripAt(box, { x: 36, y: 24 }, 2)).toBe("move");
    expect(gripAt(box, { x: 30, y: 24 }, 2)).toBe("w");
    expect(gripAt(box, { x: 42, y: 28 }, 2)).toBe("se");
    expect(gripAt(box, { x: 36, y: 19 }, 2)).toBe("n");
    expect(gripAt(box, { x: 36, y: 16 }, 2)).toBeNull();
  });

  test("every knob is found by its own grip", () => {
    for (const detector of [disk(50, 60, 10), ring, box]) {
      for (const { grip, at } of knobs(detector)) {
        expect(gripAt(detector, at, 1.5)).toBe(grip);
      }
    }
  });
});

describe("dragging", () => {
  const from = { x: 60.5, y: 50.5 };

  test("moves by what the pointer moved, rows are y", () => {
    expect(dragged(disk(50, 60, 10), "move", from, { x: 65, y: 47.5 }, FRAME, 0.5)).toEqual(
      disk(47, 64.5, 10),
    );
    expect(dragged(box, "move", from, { x: 62.7, y: 45.5 }, FRAME, 0.5)).toEqual({
      ...box,
      corner: [15, 32],
    });
  });

  test("stays inside the frame", () => {
    expect(moved(disk(50, 60, 10), 1000, -1000, FRAME, 1)).toEqual(disk(111, 0, 10));
    expect(moved(box, 1000, 1000, FRAME, 1)).toEqual({ ...box, corner: [104, 116] });
    expect(moved({ ...box, width: 300 } as Detector, 0, 5000, FRAME, 1)).toMatchObject({ corner: [20, 0] });
  });

  test("resizes about the middle", () => {
    const grown = dragged(disk(50, 60, 10), "radius", { x: 70.5, y: 50.5 }, { x: 60.5, y: 65.5 }, FRAME, 0.5);
    expect(grown).toEqual(disk(50, 60, 15));
  });

  test("rims never meet and a detector is never empty", () => {
    expect(resized(ring, "inner", 100, FRAME, 0.5)).toMatchObject({ inner: 19, outer: 20 });
    expect(resized(ring, "outer", -100, FRAME, 0.5)).toMatchObject({ inner: 10, outer: 11 });
    expect(resized(ring, "inner", -100, FRAME, 0.5)).toMatchObject({ inner: 0 });
    expect(resized(disk(5, 5, 3), "radius", -100, FRAME, 0.5)).toMatchObject({ radius: 1 });
  });

  test("a side of a rectangle moves alone, to the edge of the frame at most", () => {
    const pull = (grip: "n" | "se" | "w", x: number, y: number) =>
      dragged(box, grip, { x: 0, y: 0 }, { x, y }, FRAME, 1);
    expect(pull("n", 5, -3)).toMatchObject({ corner: [17, 30], height: 11, width: 12 });
    expect(pull("se", 4, 2)).toMatchObject({ corner: [20, 30], height: 10, width: 16 });
    expect(pull("se", 999, 999)).toMatchObject({ corner: [20, 30], height: 92, width: 98 });
    expect(pull("w", 999, 0)).toMatchObject({ corner: [20, 41], width: 1 });
    expect(pull("w", -999, 0)).toMatchObject({ corner: [20, 0], width: 42 });
  });

  test("says only what changed: an automatic centre stays automatic while the radius changes", () => {
    const before = detectorOf(DISK, { centre: null, radius: 8 }, FRAME);
    expect(changedParams(DISK, before, resized(before, "radius", 2, FRAME, 0.5))).toEqual({ radius: 10 });
    expect(changedParams(DISK, before, moved(before, 1, 0, FRAME, 0.5))).toEqual({ centre: [57, 64] });
    expect(changedParams(BOX, box, { ...box, width: 14 } as Detector)).toEqual({
      corner: [20, 30],
      width: 14,
    });
    expect(changedParams(BOX, box, box)).toEqual({});
  });
});

test("the pointer's shape follows the rim", () => {
  const detector = disk(50, 60, 10);
  const { x, y } = middleOf(detector);
  expect(cursorOf(detector, "move", { x, y })).toBe("move");
  expect(cursorOf(detector, "radius", { x: x + 10, y })).toBe("ew-resize");
  expect(cursorOf(detector, "radius", { x, y: y - 10 })).toBe("ns-resize");
  expect(cursorOf(detector, "radius", { x: x + 7, y: y + 7 })).toBe("nwse-resize");
  expect(cursorOf(detector, "radius", { x: x - 7, y: y + 7 })).toBe("nesw-resize");
  expect(cursorOf(box, "ne", { x, y })).toBe("nesw-resize");
});
