/**
 * Detectors drawn over a pattern: where one lies, which part of it is under the pointer, and what a
 * drag makes of it. Parameters count pixel centres as whole numbers; points here are continuous
 * frame pixels, where 0 is the outer edge of the first one, so a centre lies half a pixel further.
 */

import type { Outline } from "../protocol/generated";
import { clamp, type Point, type Rect, type Size } from "./fit";

type Pair = readonly [number, number];

/** Rows before columns, in pixels, as in the parameters. */
export type Detector =
  | { type: "disk"; centre: Pair; radius: number }
  | { type: "annulus"; centre: Pair; inner: number; outer: number }
  | { type: "rectangle"; corner: Pair; height: number; width: number };

/** What a press takes hold of. Compass points are the sides and corners of a rectangle. */
export type Grip = "move" | "radius" | "inner" | "outer" | Side;
type Side = "n" | "s" | "e" | "w" | "nw" | "ne" | "sw" | "se";

/** A radius of one pixel and more always covers a pixel. */
const LEAST = 1;

function isPair(value: unknown): value is Pair {
  return Array.isArray(value) && Number.isFinite(value[0]) && Number.isFinite(value[1]);
}

function length(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isFinite(value) ? value : otherwise;
}

/** The detector that parameters place in a frame; what is left out lies where the kernel puts it. */
export function detectorOf(outline: Outline, params: Record<string, unknown>, frame: Size): Detector {
  const middle: Pair = [Math.floor(frame.height / 2), Math.floor(frame.width / 2)];
  const pair = (name: string, otherwise: Pair): Pair => {
    const value = params[name];
    return isPair(value) ? [value[0], value[1]] : otherwise;
  };
  switch (outline.type) {
    case "disk": {
      const centre = pair(outline.centre, middle);
      const [y, x] = centre;
      const inside = Math.max(0, Math.min(y, x, frame.height - 1 - y, frame.width - 1 - x));
      return { type: "disk", centre, radius: length(params[outline.radius], inside) };
    }
    case "annulus":
      return {
        type: "annulus",
        centre: pair(outline.centre, middle),
        inner: length(params[outline.inner_radius], 0),
        outer: length(params[outline.outer_radius], 0),
      };
    case "rectangle": {
      const height = length(params[outline.height], 1);
      const width = length(params[outline.width], 1);
      const corner: Pair = [middle[0] - Math.floor(height / 2), middle[1] - Math.floor(width / 2)];
      return { type: "rectangle", corner: pair(outline.corner, corner), height, width };
    }
  }
}

/** The parameters that differ between two places of a detector: what was automatic and stays, stays so. */
export function changedParams(outline: Outline, from: Detector, to: Detector): Record<string, unknown> {
  const [old, now] = [paramsOf(outline, from), paramsOf(outline, to)];
  const differs = (name: string): boolean => String(old[name]) !== String(now[name]);
  // A corner that was automatic follows the size: held, or the other side would move too.
  const holds = (name: string): boolean => outline.type === "rectangle" && name === outline.corner;
  const changed = Object.keys(now).some(differs);
  return Object.fromEntries(
    Object.entries(now).filter(([name]) => differs(name) || (changed && holds(name))),
  );
}

/** The outline names the parameter of each part of the detector; those of an annulus end in `_radius`. */
function paramsOf({ type: _, ...outline }: Outline, detector: Detector): Record<string, unknown> {
  const parts = detector as unknown as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(outline).map(([part, name]) => [name, parts[part.replace("_radius", "")]]),
  );
}

/** Middle of a detector in continuous pixels. */
export function middleOf(detector: Detector): Point {
  return detector.type === "rectangle"
    ? { x: detector.corner[1] + detector.width / 2, y: detector.corner[0] + detector.height / 2 }
    : { x: detector.centre[1] + 0.5, y: detector.centre[0] + 0.5 };
}

const SIDES: Readonly<Record<Side, Pair>> = {
  n: [-1, 0],
  s: [1, 0],
  w: [0, -1],
  e: [0, 1],
  nw: [-1, -1],
  ne: [-1, 1],
  sw: [1, -1],
  se: [1, 1],
};

function isSide(grip: Grip): grip is Side {
  return grip in SIDES;
}

/** Whether some of a detector, or its middle, lies in a part of the frame. */
export function isSeen(detector: Detector, { left, top, width, height }: Rect): boolean {
  if (detector.type === "rectangle") {
    const [row, column] = detector.corner;
    const across = column < left + width && column + detector.width > left;
    return across && row < top + height && row + detector.height > top;
  }
  const { x, y } = middleOf(detector);
  const near = Math.hypot(x - clamp(x, left, left + width), y - clamp(y, top, top + height));
  const far = Math.hypot(
    Math.max(Math.abs(x - left), Math.abs(x - left - width)),
    Math.max(Math.abs(y - top), Math.abs(y - top - height)),
  );
  const [inner, outer] = detector.type === "disk" ? [0, detector.radius] : [detector.inner, detector.outer];
  return near === 0 || (near <= outer && far >= inner);
}

/** The knobs a detector is resized by, in continuous pixels. */
export function knobs(detector: Detector): { grip: Grip; at: Point }[] {
  const { x, y } = middleOf(detector);
  if (detector.type === "rectangle") {
    return Object.entries(SIDES).map(([side, [row, column]]) => ({
      grip: side as Side,
      at: { x: x + (column * detector.width) / 2, y: y + (row * detector.height) / 2 },
    }));
  }
  const around = (grip: Grip, radius: number): { grip: Grip; at: Point }[] =>
    [
      [1, 0],
      [0, 1],
      [-1, 0],
      [0, -1],
    ].map(([dx = 0, dy = 0]) => ({ grip, at: { x: x + dx * radius, y: y + dy * radius } }));
  return detector.type === "disk"
    ? around("radius", detector.radius)
    : [...around("outer", detector.outer), ...(detector.inner > 0 ? around("inner", detector.inner) : [])];
}

/** What is under `point`: an edge within `reach` pixels, else the inside, else nothing. */
export function gripAt(detector: Detector, point: Point, reach: number): Grip | null {
  const middle = middleOf(detector);
  if (detector.type === "rectangle") {
    return rectangleGrip(detector, { x: point.x - middle.x, y: point.y - middle.y }, reach);
  }
  const distance = Math.hypot(point.x - middle.x, point.y - middle.y);
  const rims: readonly (readonly [Grip, number])[] =
    detector.type === "disk"
      ? [["radius", detector.radius]]
      : [
          ["outer", detector.outer],
          ["inner", detector.inner],
        ];
  const [outermost] = rims;
  // A small detector keeps its inner half for moving it.
  for (const [grip, radius] of rims) {
    const inward = Math.min(reach, radius / 2);
    if (distance <= radius + reach && distance >= radius - inward && radius > 0) {
      return grip;
    }
  }
  return outermost && distance < outermost[1] ? "move" : null;
}

function rectangleGrip(
  { height, width }: { height: number; width: number },
  { x, y }: Point,
  reach: number,
): Grip | null {
  const part = (offset: number, half: number): number | null => {
    const distance = Math.abs(offset) - half;
    if (distance > reach) {
      return null;
    }
    return distance >= -Math.min(reach, half / 2) ? Math.sign(offset) : 0;
  };
  const [row, column] = [part(y, height / 2), part(x, width / 2)];
  if (row === null || column === null) {
    return null;
  }
  const side = `${["n", "", "s"][row + 1]}${["w", "", "e"][column + 1]}`;
  return side === "" ? "move" : (side as Side);
}

/** The detector after a drag of `grip` from one point to another, in multiples of `step` pixels. */
export function dragged(
  detector: Detector,
  grip: Grip,
  from: Point,
  to: Point,
  frame: Size,
  step: number,
): Detector {
  const [rows, columns] = [to.y - from.y, to.x - from.x];
  if (grip === "move") {
    return moved(detector, rows, columns, frame, step);
  }
  if (detector.type === "rectangle") {
    return isSide(grip) ? stretched(detector, SIDES[grip], rows, columns, frame) : detector;
  }
  const middle = middleOf(detector);
  const distance = (point: Point): number => Math.hypot(point.x - middle.x, point.y - middle.y);
  return resized(detector, grip, distance(to) - distance(from), frame, step);
}

/** Moved by rows and columns; its middle stays inside the frame. */
export function moved(
  detector: Detector,
  rows: number,
  columns: number,
  frame: Size,
  step: number,
): Detector {
  if (detector.type === "rectangle") {
    const { corner, height, width } = detector;
    const place = (start: number, size: number, whole: number): number =>
      clamp(Math.round(start), Math.min(0, whole - size), Math.max(0, whole - size));
    return {
      ...detector,
      corner: [place(corner[0] + rows, height, frame.height), place(corner[1] + columns, width, frame.width)],
    };
  }
  const centre: Pair = [
    clamp(rounded(detector.centre[0] + rows, step), 0, frame.height - 1),
    clamp(rounded(detector.centre[1] + columns, step), 0, frame.width - 1),
  ];
  return { ...detector, centre };
}

/** A rim moved outward by `by` pixels; rims never meet. */
export function resized(detector: Detector, grip: Grip, by: number, frame: Size, step: number): Detector {
  const most = Math.ceil(Math.hypot(frame.width, frame.height));
  if (detector.type === "disk") {
    return { ...detector, radius: clamp(rounded(detector.radius + by, step), LEAST, most) };
  }
  if (detector.type === "annulus") {
    return grip === "inner"
      ? { ...detector, inner: clamp(rounded(detector.inner + by, step), 0, detector.outer - LEAST) }
      : { ...detector, outer: clamp(rounded(detector.outer + by, step), detector.inner + LEAST, most) };
  }
  const size = (value: number): number => Math.max(1, Math.round(value + by));
  return { ...detector, height: size(detector.height), width: size(detector.width) };
}

function stretched(
  detector: Extract<Detector, { type: "rectangle" }>,
  [down, right]: Pair,
  rows: number,
  columns: number,
  frame: Size,
): Detector {
  const along = (start: number, size: number, side: number, by: number, whole: number): Pair => {
    const end = start + size;
    if (side < 0) {
      const moved = clamp(Math.round(start + by), Math.min(0, start), end - 1);
      return [moved, end - moved];
    }
    return side > 0
      ? [start, clamp(Math.round(end + by), start + 1, Math.max(whole, end)) - start]
      : [start, size];
  };
  const [top, height] = along(detector.corner[0], detector.height, down, rows, frame.height);
  const [left, width] = along(detector.corner[1], detector.width, right, columns, frame.width);
  return { type: "rectangle", corner: [top, left], height, width };
}

function rounded(value: number, step: number): number {
  return Number((Math.round(value / step) * step).toPrecision(10));
}

/** The pointer's shape over a grip; it follows the direction of a side, or of the place on a rim, from the middle. */
export function cursorOf(detector: Detector, grip: Grip, point: Point): string {
  if (grip === "move") {
    return grip;
  }
  const middle = middleOf(detector);
  const [down, right] = isSide(grip) ? SIDES[grip] : [point.y - middle.y, point.x - middle.x];
  const eighth = Math.round(Math.atan2(down, right) / (Math.PI / 4));
  return `${["ew", "nwse", "ns", "nesw"][(eighth + 8) % 4]}-resize`;
}
