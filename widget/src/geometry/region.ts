/** Regions of scan positions: drawn, moved and resized like rectangular detectors, in whole positions. */

import type { AxisDescription } from "../protocol/generated";
import { extent } from "./axes";
import type { Detector } from "./detector";
import { clamp, type Point, type Region, type Size } from "./fit";

export function asDetector({ x0, y0, width, height }: Region): Detector {
  return { type: "rectangle", corner: [y0, x0], height, width };
}

export function asRegion(detector: Detector): Region | null {
  if (detector.type !== "rectangle") {
    return null;
  }
  const [y0, x0] = detector.corner;
  return { x0, y0, width: detector.width, height: detector.height };
}

/** A region to begin with: an eighth of the scan about a position, at least two positions wide. */
export function regionAbout(position: Point, scan: Size): Region {
  const along = (at: number, whole: number): [number, number] => {
    const size = Math.min(whole, Math.max(2, Math.round(whole / 8)));
    return [clamp(at - Math.floor(size / 2), 0, whole - size), size];
  };
  const [x0, width] = along(position.x, scan.width);
  const [y0, height] = along(position.y, scan.height);
  return { x0, y0, width, height };
}

/** The part of a region that lies in the scan, at least one position. */
export function insideScan({ x0, y0, width, height }: Region, scan: Size): Region {
  const along = (from: number, size: number, whole: number): [number, number] => {
    const start = clamp(from, 0, whole - 1);
    return [start, clamp(from + size - start, 1, whole - start)];
  };
  const [left, columns] = along(x0, width, scan.width);
  const [top, rows] = along(y0, height, scan.height);
  return { x0: left, y0: top, width: columns, height: rows };
}

/** `y 4 to 11, x 12 to 27 · 8 × 16 positions · 16 × 32 nm`. */
export function regionText(region: Region, axes: readonly AxisDescription[]): string {
  const { x0, y0, width, height } = region;
  const [row, column] = axes.slice(-2);
  if (!row || !column) {
    return "";
  }
  const range = (axis: AxisDescription, from: number, size: number): string =>
    `${axis.name} ${from}${size > 1 ? ` to ${from + size - 1}` : ""}`;
  const places = `${range(row, y0, height)}, ${range(column, x0, width)}`;
  const size = `${height} × ${width} positions`;
  const calibrated = [row, column].every(({ units }) => units !== "" && units !== "px");
  return [places, size, calibrated ? extentText(region, row, column) : ""]
    .filter((part) => part !== "")
    .join(" · ");
}

function extentText(
  { x0, y0, width, height }: Region,
  row: AxisDescription,
  column: AxisDescription,
): string {
  const length = (axis: AxisDescription, first: number, size: number): string =>
    String(Number(extent(axis, first, size).toPrecision(4)));
  const [high, wide] = [length(row, y0, height), length(column, x0, width)];
  return row.units === column.units
    ? `${high} × ${wide} ${row.units}`
    : `${high} ${row.units} × ${wide} ${column.units}`;
}
