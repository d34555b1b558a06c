/** Stretches of the axis of spectra. Their ends are in its unit; places here are continuous channels. */

import type { AxisDescription } from "../../protocol/generated";
import { indexAt, isUneven, niceBelow, numberText, valueAt, withUnits } from "../axes";
import { clamp } from "../fit";
import { type Grip, isPair, type OutlineOf, type Pair, rounded, type Shape, tidy } from "./shape";

export interface Band {
  type: "band";
  from: number;
  to: number;
  axis: AxisDescription;
}

/** As in the kernel: an end that is this near to the centre of a channel, in channels, lies on it. */
const SLACK = 1e-6;

/** The channels whose centres lie in `from ≤ centre < to`, and whether there would be more if the axis went on. */
export function channelsIn({ from, to, axis }: Omit<Band, "type">): {
  first: number;
  end: number;
  isCut: boolean;
} {
  const [a, b] = [indexAt(axis, from), indexAt(axis, to)];
  const [first, end] =
    axis.scale > 0
      ? [Math.ceil(a - SLACK), Math.ceil(b - SLACK)]
      : [Math.floor(b + SLACK) + 1, Math.floor(a + SLACK) + 1];
  return {
    first: clamp(first, 0, axis.size),
    end: clamp(end, 0, axis.size),
    isCut: first < 0 || end > axis.size,
  };
}

/** Where the kernel puts one that is left out: over the middle half of the channels. */
export function middleHalf(axis: AxisDescription): Pair {
  const quarter = Math.floor(axis.size / 4);
  return ordered([valueAt(axis, quarter - 0.5), valueAt(axis, axis.size - quarter - 0.5)]);
}

function ordered([a, b]: Pair): Pair {
  return [tidy(Math.min(a, b)), tidy(Math.max(a, b))];
}

/** Its ends in continuous channels, from left to right. */
function ends({ from, to, axis }: Band): Pair {
  const [a, b] = [indexAt(axis, from) + 0.5, indexAt(axis, to) + 0.5];
  return [Math.min(a, b), Math.max(a, b)];
}

/** The value at a place, in round numbers of about `step` channels. */
function valueNear(axis: AxisDescription, place: number, step: number): number {
  const value = valueAt(axis, place - 0.5);
  const local = Math.abs(valueAt(axis, place) - valueAt(axis, place - 1));
  const nice = niceBelow(step * local * (1 + 1e-9));
  return nice > 0 ? rounded(value, nice) : value;
}

/** Over the channels between two places, in round numbers where these leave it a channel. */
function between(band: Band, left: number, right: number, step: number, moved: readonly Side[]): Band {
  const { axis } = band;
  const [oldFrom, oldTo] = axis.scale > 0 ? [band.from, band.to] : [band.to, band.from];
  const at = (side: Side, place: number, old: number): number =>
    moved.includes(side) ? valueNear(axis, place, step) : old;
  const [from, to] = ordered([at("w", left, oldFrom), at("e", right, oldTo)]);
  const next: Band = { ...band, from, to };
  const [first, last] = ends(next);
  if (from < to && last - first >= 1 - SLACK) {
    return next;
  }
  const [exactFrom, exactTo] = ordered([valueAt(axis, left - 0.5), valueAt(axis, right - 0.5)]);
  return { ...band, from: exactFrom, to: exactTo };
}

type Side = "w" | "e";

/** One end moved by so many channels; between both there always is one. */
function moveEnd(band: Band, side: Side, by: number, step: number): Band {
  const [left, right] = ends(band);
  return side === "w"
    ? between(band, clamp(left + by, Math.min(0, left), right - 1), right, step, ["w"])
    : between(band, left, clamp(right + by, left + 1, Math.max(band.axis.size, right)), step, ["e"]);
}

export const band: Shape<Band, OutlineOf<"band">> = {
  marked: false,
  keys: "arrow keys move it, with Shift by ten channels; plus and minus move its right end, brackets its left end.",
  of(outline, params, { axis, width }) {
    const on = axis ?? { name: "channel", size: width, scale: 1, offset: 0, units: "px" };
    const value = params[outline.range];
    const [from, to] = isPair(value) ? value : middleHalf(on);
    return { type: "band", from, to, axis: on };
  },
  params: (outline, { from, to }) => ({ [outline.range]: [from, to] }),
  middle(detector) {
    const [left, right] = ends(detector);
    return { x: (left + right) / 2, y: 0.5 };
  },
  isSeen(detector, part) {
    const [left, right] = ends(detector);
    return left < part.left + part.width && right > part.left;
  },
  knobs(detector) {
    const [left, right] = ends(detector);
    return [
      { grip: "w", at: { x: left, y: 0.5 } },
      { grip: "e", at: { x: right, y: 0.5 } },
    ];
  },
  gripAt(detector, { x }, reach): Grip | null {
    const [left, right] = ends(detector);
    // A narrow one keeps its inner half for moving it.
    const inward = Math.min(reach, (right - left) / 4);
    if (x < left - reach || x > right + reach) {
      return null;
    }
    return x <= left + inward ? "w" : x >= right - inward ? "e" : "move";
  },
  direction: () => [0, 1],
  dragged(detector, grip, from, to, _ground, step) {
    return grip === "w" || grip === "e" ? moveEnd(detector, grip, to.x - from.x, step) : detector;
  },
  moved(detector, _rows, columns, _ground, step) {
    const [left, right] = ends(detector);
    const { axis } = detector;
    const size = right - left;
    const start = clamp(
      left + columns,
      Math.min(0, axis.size - size, left),
      Math.max(0, axis.size - size, left),
    );
    if (start === left) {
      return detector;
    }
    if (isUneven(axis)) {
      return between(detector, start, start + size, step, ["w", "e"]);
    }
    // It keeps its width to the last digit.
    const by = valueNear(axis, start, step) - valueNear(axis, left, step);
    return { ...detector, from: tidy(detector.from + by), to: tidy(detector.to + by) };
  },
  resized: (detector, grip, by, _ground, step) => moveEnd(detector, grip === "inner" ? "w" : "e", by, step),
  trace(path, detector, place) {
    const [left, right] = ends(detector);
    const [from, to] = [place(left, 0), place(right, 1)];
    path.rect(from.x, from.y, to.x - from.x, to.y - from.y);
  },
  text(detector) {
    const { axis, from, to } = detector;
    const { first, end, isCut } = channelsIn(detector);
    const range = withUnits(`${text(from)} to ${text(to)}`, axis.units);
    const count = Math.max(0, end - first);
    return `${range} · ${count} ${count === 1 ? "channel" : "channels"}${isCut ? ", cut off where the axis ends" : ""}`;
  },
};

/** To the last digit where few are needed: an end is typed as it is read. */
function text(value: number): string {
  const exact = String(value);
  return exact.length <= 9 ? exact.replace("-", "\u2212") : numberText(value);
}
