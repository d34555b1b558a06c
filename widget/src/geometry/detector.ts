/**
 * Detectors drawn over a pattern or a spectrum: where one lies, which part of it is under the pointer, and what a
 * drag makes of it. Parameters count pixel centres as whole numbers; points here are continuous
 * frame pixels, where 0 is the outer edge of the first one, so a centre lies half a pixel further.
 */

import type { AxisDescription, Outline } from "../protocol/generated";
import type { Point, Rect } from "./fit";
import { type Band, band } from "./outlines/band";
import { type Annulus, annulus, type Disk, disk } from "./outlines/circles";
import { point, type Spot } from "./outlines/point";
import { type Polygon, polygon } from "./outlines/polygon";
import { type Rectangle, rectangle } from "./outlines/rectangle";
import type { Grip, Ground, Knob, Pair, Params, Path, Place, Shape } from "./outlines/shape";

export type { Grip, Ground, Place } from "./outlines/shape";

export type Detector = Disk | Annulus | Rectangle | Polygon | Band | Spot;

/** A new shape is one file and one line here. */
const SHAPES = { disk, annulus, rectangle, polygon, band, point };

/** Each is asked for detectors and outlines of its own type only. */
type Any = Shape<Detector, Outline>;

function shapeOf({ type }: { type: Outline["type"] }): Any {
  return SHAPES[type] as unknown as Any;
}

/** The detector that parameters place in a frame; what is left out lies where the kernel puts it. */
export function detectorOf(outline: Outline, params: Params, ground: Ground): Detector {
  return shapeOf(outline).of(outline, params, ground);
}

/** The parameters that differ between two places of a detector: what was automatic and stays, stays so. */
export function changedParams(outline: Outline, from: Detector, to: Detector): Params {
  const shape = shapeOf(outline);
  const [old, now] = [shape.params(outline, from), shape.params(outline, to)];
  const differs = (name: string): boolean => String(old[name]) !== String(now[name]);
  const changed = Object.keys(now).some(differs);
  const held = shape.holds?.(outline) ?? [];
  return Object.fromEntries(
    Object.entries(now).filter(([name]) => differs(name) || (changed && held.includes(name))),
  );
}

/** Middle of a detector in continuous pixels. */
export const middleOf = (detector: Detector): Point => shapeOf(detector).middle(detector);

/** Whether its middle is marked. */
export const isMarked = (detector: Detector): boolean => shapeOf(detector).marked;

/** Whether some of a detector, or its middle, lies in a part of the frame. */
export const isSeen = (detector: Detector, part: Rect): boolean => shapeOf(detector).isSeen(detector, part);

/** The knobs a detector is resized by, in continuous pixels. */
export const knobs = (detector: Detector): Knob[] => shapeOf(detector).knobs(detector);

/** What is under `point`: an edge within `reach` pixels, else the inside, else nothing. */
export const gripAt = (detector: Detector, point: Point, reach: number): Grip | null =>
  shapeOf(detector).gripAt(detector, point, reach);

/** The detector after a drag of `grip` from one point to another, in multiples of `step` pixels. */
export function dragged(
  detector: Detector,
  grip: Grip,
  from: Point,
  to: Point,
  ground: Ground,
  step: number,
): Detector {
  return grip === "move"
    ? moved(detector, to.y - from.y, to.x - from.x, ground, step)
    : shapeOf(detector).dragged(detector, grip, from, to, ground, step);
}

/** Moved by rows and columns; its middle stays inside the frame. */
export const moved = (
  detector: Detector,
  rows: number,
  columns: number,
  ground: Ground,
  step: number,
): Detector => shapeOf(detector).moved(detector, rows, columns, ground, step);

/** A rim moved outward by `by` pixels; rims never meet. */
export const resized = (detector: Detector, grip: Grip, by: number, ground: Ground, step: number): Detector =>
  shapeOf(detector).resized(detector, grip, by, ground, step);

/** Without the part that `grip` takes hold of, such as a vertex; `null` where nothing can go. */
export const without = (detector: Detector, grip: Grip): Detector | null =>
  shapeOf(detector).without?.(detector, grip) ?? null;

/** Adds the outline to the path of a canvas. */
export const trace = (path: Path, detector: Detector, place: Place): void =>
  shapeOf(detector).trace(path, detector, place);

/** Where it is and how large: what a person reads off while dragging. */
export const textOf = (detector: Detector, axes: readonly (AxisDescription | undefined)[]): string =>
  shapeOf(detector).text(detector, axes);

/** What keys do with it once it is held. */
export const keysOf = (detector: Detector): string => shapeOf(detector).keys;

/** The pointer's shape over a grip; it follows the direction of a side, or of the place on a rim, from the middle. */
export function cursorOf(detector: Detector, grip: Grip, point: Point): string {
  if (grip === "move") {
    return grip;
  }
  const counted = { vertex: "crosshair", edge: "copy" }[grip.split(" ")[0] ?? ""];
  if (counted) {
    return counted;
  }
  const [down, right]: Pair = shapeOf(detector).direction(detector, grip, point);
  const eighth = Math.round(Math.atan2(down, right) / (Math.PI / 4));
  return `${["ew", "nwse", "ns", "nesw"][(eighth + 8) % 4]}-resize`;
}
