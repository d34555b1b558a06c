/** A place alone: the centre of what is made of the pattern. */

import { clamp, type Rect } from "../fit";
import { isPair, type OutlineOf, type Pair, rounded, type Shape, short } from "./shape";

export interface Spot {
  type: "point";
  at: Pair;
}

/** How large the handle is drawn, CSS pixels. */
const RADIUS = 7;

export const point: Shape<Spot, OutlineOf<"point">> = {
  marked: true,
  keys: "arrow keys move it, with Shift by ten.",
  of(outline, params, frame) {
    const at = params[outline.at];
    return { type: "point", at: isPair(at) ? [at[0], at[1]] : [frame.height / 2, frame.width / 2] };
  },
  params: (outline, { at }) => ({ [outline.at]: at }),
  middle: ({ at }) => ({ x: at[1] + 0.5, y: at[0] + 0.5 }),
  isSeen({ at }, { left, top, width, height }: Rect) {
    const [y, x] = [at[0] + 0.5, at[1] + 0.5];
    return x >= left && x <= left + width && y >= top && y <= top + height;
  },
  knobs: () => [],
  gripAt(detector, { x, y }, reach) {
    const middle = point.middle(detector);
    return Math.hypot(x - middle.x, y - middle.y) <= reach ? "move" : null;
  },
  direction: () => [0, 0],
  dragged: (detector) => detector,
  moved(detector, rows, columns, frame, step) {
    const [row, column] = detector.at;
    const at: Pair = [
      clamp(rounded(row + rows, step), 0, frame.height - 1),
      clamp(rounded(column + columns, step), 0, frame.width - 1),
    ];
    return { ...detector, at };
  },
  resized: (detector) => detector,
  trace(path, detector, place) {
    const middle = point.middle(detector);
    const { x, y } = place(middle.x, middle.y);
    path.moveTo(x + RADIUS, y);
    path.arc(x, y, RADIUS, 0, Math.PI * 2);
  },
  text: ({ at }) => `${at.map(short).join(", ")} px`,
};
