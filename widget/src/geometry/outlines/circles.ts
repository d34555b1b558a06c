/** Disks and rings. */

import { calibratedText } from "../axes";
import { clamp, type Point, type Rect, type Size } from "../fit";
import {
  type Grip,
  type Knob,
  lengthOf,
  middleOfFrame,
  type OutlineOf,
  type Pair,
  type Path,
  type Place,
  pairOf,
  RESIZE_KEYS,
  rounded,
  type Shape,
  short,
} from "./shape";

export interface Disk {
  type: "disk";
  centre: Pair;
  radius: number;
}

export interface Annulus {
  type: "annulus";
  centre: Pair;
  inner: number;
  outer: number;
}

/** A radius of one pixel and more always covers a pixel. */
const LEAST = 1;

function middle({ centre }: { centre: Pair }): Point {
  return { x: centre[1] + 0.5, y: centre[0] + 0.5 };
}

function distanceOf(detector: { centre: Pair }, { x, y }: Point): number {
  const from = middle(detector);
  return Math.hypot(x - from.x, y - from.y);
}

/** Whether what lies between two radii, or the middle, meets a part of the frame. */
function isSeen(detector: { centre: Pair }, inner: number, outer: number, part: Rect): boolean {
  const { left, top, width, height } = part;
  const { x, y } = middle(detector);
  const near = Math.hypot(x - clamp(x, left, left + width), y - clamp(y, top, top + height));
  const far = Math.hypot(
    Math.max(Math.abs(x - left), Math.abs(x - left - width)),
    Math.max(Math.abs(y - top), Math.abs(y - top - height)),
  );
  return near === 0 || (near <= outer && far >= inner);
}

function around(detector: { centre: Pair }, grip: Grip, radius: number): Knob[] {
  const { x, y } = middle(detector);
  return [
    [1, 0],
    [0, 1],
    [-1, 0],
    [0, -1],
  ].map(([dx = 0, dy = 0]) => ({ grip, at: { x: x + dx * radius, y: y + dy * radius } }));
}

/** The first rim, from outside, that is under a point, else the inside. */
function gripAt(
  detector: { centre: Pair },
  rims: readonly (readonly [Grip, number])[],
  point: Point,
  reach: number,
): Grip | null {
  const distance = distanceOf(detector, point);
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

function trace(path: Path, detector: { centre: Pair }, radii: readonly number[], place: Place): void {
  const { x, y } = middle(detector);
  const { x: left, y: top } = place(x, y);
  for (const radius of radii) {
    const length = place(x + radius, y).x - left;
    path.moveTo(left + length, top);
    path.arc(left, top, Math.max(0, length), 0, Math.PI * 2);
  }
}

function most({ width, height }: Size): number {
  return Math.ceil(Math.hypot(width, height));
}

function placeText({ centre }: { centre: Pair }): string {
  return `${centre.map(short).join(", ")} px`;
}

const common = {
  marked: true,
  middle,
  direction(detector: { centre: Pair }, _grip: Grip, { x, y }: Point): Pair {
    const from = middle(detector);
    return [y - from.y, x - from.x];
  },
  moved<D extends { centre: Pair }>(
    detector: D,
    rows: number,
    columns: number,
    frame: Size,
    step: number,
  ): D {
    const [row, column] = detector.centre;
    const centre: Pair = [
      clamp(rounded(row + rows, step), 0, frame.height - 1),
      clamp(rounded(column + columns, step), 0, frame.width - 1),
    ];
    return { ...detector, centre };
  },
};

export const disk: Shape<Disk, OutlineOf<"disk">> = {
  ...common,
  keys: `${RESIZE_KEYS}.`,
  of(outline, params, frame) {
    const centre = pairOf(params[outline.centre], middleOfFrame(frame));
    const [y, x] = centre;
    const inside = Math.max(0, Math.min(y, x, frame.height - 1 - y, frame.width - 1 - x));
    return { type: "disk", centre, radius: lengthOf(params[outline.radius], inside) };
  },
  params: (outline, { centre, radius }) => ({ [outline.centre]: centre, [outline.radius]: radius }),
  isSeen: (detector, part) => isSeen(detector, 0, detector.radius, part),
  knobs: (detector) => around(detector, "radius", detector.radius),
  gripAt: (detector, point, reach) => gripAt(detector, [["radius", detector.radius]], point, reach),
  dragged(detector, grip, from, to, frame, step) {
    return disk.resized(detector, grip, distanceOf(detector, to) - distanceOf(detector, from), frame, step);
  },
  resized: (detector, _grip, by, frame, step) => ({
    ...detector,
    radius: clamp(rounded(detector.radius + by, step), LEAST, most(frame)),
  }),
  trace: (path, detector, place) => trace(path, detector, [detector.radius], place),
  text(detector, axes) {
    const { radius } = detector;
    return `${placeText(detector)} · radius ${short(radius)} px${calibratedText(axes, [radius], "")}`;
  },
};

export const annulus: Shape<Annulus, OutlineOf<"annulus">> = {
  ...common,
  keys: `${RESIZE_KEYS}, brackets its hole.`,
  of: (outline, params, frame) => ({
    type: "annulus",
    centre: pairOf(params[outline.centre], middleOfFrame(frame)),
    inner: lengthOf(params[outline.inner_radius], 0),
    outer: lengthOf(params[outline.outer_radius], 0),
  }),
  params: (outline, { centre, inner, outer }) => ({
    [outline.centre]: centre,
    [outline.inner_radius]: inner,
    [outline.outer_radius]: outer,
  }),
  isSeen: (detector, part) => isSeen(detector, detector.inner, detector.outer, part),
  knobs: (detector) => [
    ...around(detector, "outer", detector.outer),
    ...(detector.inner > 0 ? around(detector, "inner", detector.inner) : []),
  ],
  gripAt(detector, point, reach) {
    const rims = [
      ["outer", detector.outer],
      ["inner", detector.inner],
    ] as const;
    return gripAt(detector, rims, point, reach);
  },
  dragged(detector, grip, from, to, frame, step) {
    const by = distanceOf(detector, to) - distanceOf(detector, from);
    return annulus.resized(detector, grip, by, frame, step);
  },
  resized: (detector, grip, by, frame, step) =>
    grip === "inner"
      ? { ...detector, inner: clamp(rounded(detector.inner + by, step), 0, detector.outer - LEAST) }
      : {
          ...detector,
          outer: clamp(rounded(detector.outer + by, step), detector.inner + LEAST, most(frame)),
        },
  trace: (path, detector, place) => trace(path, detector, [detector.outer, detector.inner], place),
  text(detector, axes) {
    const { inner, outer } = detector;
    const sizes = `radii ${short(inner)} to ${short(outer)} px${calibratedText(axes, [inner, outer], " to ")}`;
    return `${placeText(detector)} · ${sizes}`;
  },
};
