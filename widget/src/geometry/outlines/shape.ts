/** What every shape of a detector says of itself, in one file each; `geometry/detector.ts` asks them. */

import type { AxisDescription, Outline } from "../../protocol/generated";
import type { Point, Rect, Size } from "../fit";

/** Rows before columns, in pixels, as in the parameters. */
export type Pair = readonly [number, number];

export type Side = "n" | "s" | "e" | "w" | "nw" | "ne" | "sw" | "se";

/** What a press takes hold of. Compass points are sides and corners; vertices and edges are counted. */
export type Grip = "move" | "radius" | "inner" | "outer" | Side | `vertex ${number}` | `edge ${number}`;

/** Pixels of the frame; of spectra the axis they lie on, too. */
export interface Ground extends Size {
  axis?: AxisDescription | null;
}

export interface Knob {
  grip: Grip;
  /** In continuous pixels. */
  at: Point;
  /** One of so many that they go first where there is no room. */
  minor?: boolean;
}

/** From continuous frame pixels to CSS pixels of the panel. */
export type Place = (x: number, y: number) => Point;

export type Path = Pick<CanvasRenderingContext2D, "moveTo" | "lineTo" | "arc" | "rect" | "closePath">;

export type Params = Record<string, unknown>;

export interface Shape<D, O> {
  /** Where parameters place it; what is left out lies where the kernel puts it. */
  of(outline: O, params: Params, ground: Ground): D;
  /** The parameters that place it there. */
  params(outline: O, detector: D): Params;
  /** Names of parameters that are held when others change: left out, they would follow. */
  holds?(outline: O): readonly string[];
  /** In continuous pixels. */
  middle(detector: D): Point;
  /** Whether its middle is marked. */
  marked: boolean;
  /** Whether some of it, or its middle, lies in a part of the frame. */
  isSeen(detector: D, part: Rect): boolean;
  knobs(detector: D): Knob[];
  /** What is under `point`: an edge within `reach` pixels, else the inside, else nothing. */
  gripAt(detector: D, point: Point, reach: number): Grip | null;
  /** Rows and columns along which a grip is dragged at `point`. */
  direction(detector: D, grip: Grip, point: Point): Pair;
  /** After a drag of a grip that does not move the whole, in multiples of `step` pixels. */
  dragged(detector: D, grip: Grip, from: Point, to: Point, ground: Ground, step: number): D;
  /** Moved by rows and columns; its middle stays inside the frame. */
  moved(detector: D, rows: number, columns: number, ground: Ground, step: number): D;
  /** A rim moved outward by `by` pixels; it is never empty. */
  resized(detector: D, grip: Grip, by: number, ground: Ground, step: number): D;
  /** Without what a grip takes hold of; `null` where nothing can go. */
  without?(detector: D, grip: Grip): D | null;
  /** Adds its outline to the path of a canvas. */
  trace(path: Path, detector: D, place: Place): void;
  /** Where it is and how large: what a person reads off while dragging. */
  text(detector: D, axes: readonly (AxisDescription | undefined)[]): string;
  /** What keys do with it once it is held, for those who cannot see it. */
  keys: string;
}

export type OutlineOf<T extends Outline["type"]> = Extract<Outline, { type: T }>;

export const RESIZE_KEYS = "arrow keys move it, with Shift by ten; plus and minus resize it";

export function isPair(value: unknown): value is Pair {
  return Array.isArray(value) && Number.isFinite(value[0]) && Number.isFinite(value[1]);
}

export function pairOf(value: unknown, otherwise: Pair): Pair {
  return isPair(value) ? [value[0], value[1]] : otherwise;
}

export function lengthOf(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isFinite(value) ? value : otherwise;
}

export function middleOfFrame({ width, height }: Size): Pair {
  return [Math.floor(height / 2), Math.floor(width / 2)];
}

export function rounded(value: number, step: number): number {
  return tidy(Math.round(value / step) * step);
}

/** Without the digits that calculating in binary leaves. */
export function tidy(value: number): number {
  return Number(value.toPrecision(10));
}

/** A number as people read it off. */
export function short(value: number): string {
  return String(Number(value.toFixed(1)));
}
