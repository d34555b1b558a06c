/** Rectangles, and regions of the scan. */

import { calibratedText } from "../axes";
import { clamp, type Point } from "../fit";
import {
  type Grip,
  lengthOf,
  middleOfFrame,
  type OutlineOf,
  type Pair,
  pairOf,
  RESIZE_KEYS,
  type Shape,
  type Side,
  short,
} from "./shape";

export interface Rectangle {
  type: "rectangle";
  corner: Pair;
  height: number;
  width: number;
}

export const SIDES: Readonly<Record<Side, Pair>> = {
  n: [-1, 0],
  s: [1, 0],
  w: [0, -1],
  e: [0, 1],
  nw: [-1, -1],
  ne: [-1, 1],
  sw: [1, -1],
  se: [1, 1],
};

export function isSide(grip: Grip): grip is Side {
  return grip in SIDES;
}

function middle({ corner, height, width }: Rectangle): Point {
  return { x: corner[1] + width / 2, y: corner[0] + height / 2 };
}

export const rectangle: Shape<Rectangle, OutlineOf<"rectangle">> = {
  marked: true,
  keys: `${RESIZE_KEYS}.`,
  middle,
  of(outline, params, frame) {
    const height = lengthOf(params[outline.height], 1);
    const width = lengthOf(params[outline.width], 1);
    const [row, column] = middleOfFrame(frame);
    const corner: Pair = [row - Math.floor(height / 2), column - Math.floor(width / 2)];
    return { type: "rectangle", corner: pairOf(params[outline.corner], corner), height, width };
  },
  params: (outline, { corner, height, width }) => ({
    [outline.corner]: corner,
    [outline.height]: height,
    [outline.width]: width,
  }),
  // A corner that was automatic follows the size, and the other side would move too.
  holds: ({ corner }) => [corner],
  isSeen({ corner: [row, column], height, width }, part) {
    const across = column < part.left + part.width && column + width > part.left;
    return across && row < part.top + part.height && row + height > part.top;
  },
  knobs(detector) {
    const { x, y } = middle(detector);
    return Object.entries(SIDES).map(([side, [row, column]]) => ({
      grip: side as Side,
      at: { x: x + (column * detector.width) / 2, y: y + (row * detector.height) / 2 },
      minor: side.length === 1,
    }));
  },
  gripAt(detector, point, reach) {
    const part = (offset: number, half: number): number | null => {
      const distance = Math.abs(offset) - half;
      if (distance > reach) {
        return null;
      }
      return distance >= -Math.min(reach, half / 2) ? Math.sign(offset) : 0;
    };
    const { x, y } = middle(detector);
    const [row, column] = [part(point.y - y, detector.height / 2), part(point.x - x, detector.width / 2)];
    if (row === null || column === null) {
      return null;
    }
    const side = `${["n", "", "s"][row + 1]}${["w", "", "e"][column + 1]}`;
    return side === "" ? "move" : (side as Side);
  },
  direction: (_detector, grip) => (isSide(grip) ? SIDES[grip] : [0, 0]),
  dragged(detector, grip, from, to, frame) {
    if (!isSide(grip)) {
      return detector;
    }
    const [down, right] = SIDES[grip];
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
    const { corner } = detector;
    const [top, height] = along(corner[0], detector.height, down, to.y - from.y, frame.height);
    const [left, width] = along(corner[1], detector.width, right, to.x - from.x, frame.width);
    return { type: "rectangle", corner: [top, left], height, width };
  },
  moved(detector, rows, columns, frame) {
    const { corner, height, width } = detector;
    const place = (start: number, size: number, whole: number): number =>
      clamp(Math.round(start), Math.min(0, whole - size), Math.max(0, whole - size));
    return {
      ...detector,
      corner: [place(corner[0] + rows, height, frame.height), place(corner[1] + columns, width, frame.width)],
    };
  },
  resized(detector, _grip, by) {
    const size = (value: number): number => Math.max(1, Math.round(value + by));
    return { ...detector, height: size(detector.height), width: size(detector.width) };
  },
  trace(path, { corner: [row, column], height, width }, place) {
    const from = place(column, row);
    const to = place(column + width, row + height);
    path.rect(from.x, from.y, to.x - from.x, to.y - from.y);
  },
  text({ corner, height, width }, axes) {
    const sizes = `${short(height)} × ${short(width)} px${calibratedText(axes, [height, width], " × ")}`;
    return `${corner.map(short).join(", ")} px · ${sizes}`;
  },
};
