/** Calibrated positions, scale bars and numbers for people. */

import type { AxisDescription } from "../protocol/generated";

const MINUS = "\u2212";

/** Whether it has a value of its own for each index: no one step is true everywhere. */
export function isUneven(axis: AxisDescription | null | undefined): boolean {
  return (axis?.values?.length ?? 0) > 1;
}

/** The value at a (fractional) index; of an uneven axis on the straight line through the nearest two. */
export function valueAt(axis: AxisDescription, index: number): number {
  const values = axis.values ?? [];
  if (values.length < 2) {
    return axis.offset + axis.scale * index;
  }
  const below = Math.min(Math.max(Math.floor(index), 0), values.length - 2);
  const [a, b] = [values[below] as number, values[below + 1] as number];
  return a + (b - a) * (index - below);
}

/** The (fractional) index of a value: the inverse of `valueAt`. */
export function indexAt(axis: AxisDescription, value: number): number {
  const values = axis.values ?? [];
  if (values.length < 2) {
    return (value - axis.offset) / axis.scale;
  }
  const rising = axis.scale > 0;
  let [below, after] = [0, values.length - 1];
  while (after - below > 1) {
    const middle = (below + after) >> 1;
    const given = values[middle] as number;
    if (rising ? given <= value : given >= value) {
      below = middle;
    } else {
      after = middle;
    }
  }
  const [a, b] = [values[below] as number, values[below + 1] as number];
  return below + (value - a) / (b - a);
}

/** From the outer edge of one pixel to that of another `size` pixels on, in the unit of the axis. */
export function extent(axis: AxisDescription, first: number, size: number): number {
  return Math.abs(valueAt(axis, first + size - 0.5) - valueAt(axis, first - 0.5));
}

/** Places along a line plot: continuous pixel coordinates (0 is the edge of the first pixel) and shares of its width. */
export interface Along {
  share(pixel: number): number;
  pixel(share: number): number;
}

/** Equal steps of the value, not of the index, are equally long; an axis may fall from left to right. */
export function along(axis: AxisDescription | null, span: number): Along {
  if (!axis || !isUneven(axis)) {
    return { share: (pixel) => pixel / span, pixel: (share) => share * span };
  }
  const from = valueAt(axis, -0.5);
  const whole = valueAt(axis, span - 0.5) - from;
  return {
    share: (pixel) => (valueAt(axis, pixel - 0.5) - from) / whole,
    pixel: (share) => indexAt(axis, from + share * whole) + 0.5,
  };
}

/** The axis along the pictures over some axes that are lines; of images the horizontal one. */
export function lineAxis(axes: readonly AxisDescription[]): AxisDescription | null {
  const [row, column] = [axes.at(-2), axes.at(-1)];
  return (row && column?.size === 1 ? row : column) ?? null;
}

/** The step of both axes and their unit, where pixels are square and calibrated. */
function squarePixel([row, column]: readonly (AxisDescription | undefined)[]): {
  step: number;
  units: string;
} | null {
  const step = Math.abs(column?.scale ?? 0);
  const units = column?.units ?? "";
  const even = !isUneven(row) && !isUneven(column);
  const square = even && row !== undefined && Math.abs(row.scale) === step && row.units === units;
  return square && units !== "" && units !== "px" ? { step, units } : null;
}

/** ` (0.3 to 0.41 1/nm)` of lengths in pixels, where these are square and calibrated. */
export function calibratedText(
  axes: readonly (AxisDescription | undefined)[],
  lengths: readonly number[],
  joint: string,
): string {
  const pixel = squarePixel(axes);
  const texts = lengths.map((length) => String(Number((length * (pixel?.step ?? 1)).toPrecision(3))));
  return pixel ? ` (${texts.join(joint)} ${pixel.units})` : "";
}

/** The same of an area in square pixels. */
export function calibratedArea(axes: readonly (AxisDescription | undefined)[], area: number): string {
  const pixel = squarePixel(axes);
  return pixel ? ` (${Number((area * pixel.step ** 2).toPrecision(3))} ${pixel.units}²)` : "";
}

/** Decimals that tell neighbouring pixels apart. */
export function decimalsFor(scale: number): number {
  const size = Math.abs(scale);
  if (!(size > 0) || !Number.isFinite(size)) {
    return 0;
  }
  return Math.min(12, Math.max(0, Math.ceil(-Math.log10(size) - 1e-9)));
}

/** A value at whole pixels of `axis`, with its units: `1.25 1/nm`; of an axis of names the name, `Fe`. */
export function axisText(axis: AxisDescription, index: number): string {
  const name = axis.names?.[index];
  if (name !== undefined) {
    return name;
  }
  const step = isUneven(axis) ? valueAt(axis, index + 0.5) - valueAt(axis, index - 0.5) : axis.scale;
  const whole = Number.isInteger(step) && Number.isInteger(axis.offset) && !isUneven(axis);
  // The values of an uneven axis lie anywhere between whole steps.
  const digits = whole ? 0 : decimalsFor(isUneven(axis) ? step / 10 : step);
  const text = minus(valueAt(axis, index).toFixed(digits));
  return axis.units === "" ? text : `${text} ${axis.units}`;
}

/** Four significant digits, exponents only where they help. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) {
    return "no value";
  }
  if (!Number.isFinite(value)) {
    return value > 0 ? "∞" : `${MINUS}∞`;
  }
  if (Number.isInteger(value) && Math.abs(value) < 1e7) {
    return minus(String(value));
  }
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e7) {
    return minus(value.toExponential(2).replace("e+", "e"));
  }
  const digits = Math.min(7, Math.max(0, 3 - Math.floor(Math.log10(size))));
  return minus(value.toFixed(digits));
}

export function withUnits(text: string, units: string): string {
  return units === "" ? text : `${text} ${units}`;
}

function minus(text: string): string {
  return text.replaceAll("-", MINUS);
}

/** Whether what is told of a place says more than its index: a calibration or a name. */
export function isTold(axis: AxisDescription): boolean {
  return (axis.names?.length ?? 0) > 0 || (axis.units !== "" && axis.units !== "px");
}

/** The largest 1, 2 or 5 times a power of ten that is not above `limit`. */
export function niceBelow(limit: number): number {
  if (!(limit > 0) || !Number.isFinite(limit)) {
    return 0;
  }
  const power = 10 ** Math.floor(Math.log10(limit) + 1e-9);
  const factor = limit / power + 1e-9;
  return power * (factor >= 5 ? 5 : factor >= 2 ? 2 : 1);
}

export interface ScaleBar {
  /** Length as a share of the picture's width. */
  share: number;
  label: string;
}

const LARGER: Record<string, [string, number]> = { Å: ["nm", 10], nm: ["µm", 1000], µm: ["mm", 1000] };
const SMALLER: Record<string, [string, number]> = { mm: ["µm", 1000], µm: ["nm", 1000], nm: ["pm", 1000] };

/** The axis that a scale bar lies along: none where pixels differ in size. */
export function barAxis(axes: readonly AxisDescription[]): AxisDescription | null {
  const shown = axes.slice(-2);
  return shown.some(isUneven) ? null : (shown.at(-1) ?? null);
}

/** A bar of a round length, at most about a third of a picture `size` pixels wide; none where no length is true. */
export function scaleBar(axis: AxisDescription, size: number): ScaleBar | null {
  if (isUneven(axis)) {
    return null;
  }
  const step = Math.abs(axis.scale);
  const whole = step * size;
  const length = niceBelow(whole * 0.34);
  if (length === 0 || size < 2) {
    return null;
  }
  const calibrated = axis.units !== "";
  let [shown, units] = [length, calibrated ? axis.units : "px"];
  const larger = LARGER[units];
  const smaller = SMALLER[units];
  if (larger && shown >= larger[1]) {
    [units, shown] = [larger[0], shown / larger[1]];
  } else if (smaller && shown < 0.1) {
    [units, shown] = [smaller[0], shown * smaller[1]];
  }
  return { share: length / whole, label: `${Number(shown.toPrecision(6))} ${units}` };
}

/** Round tick values inside `[low, high]`, at most `count` of them or one more. */
export function ticks(low: number, high: number, count: number): number[] {
  const least = (high - low) / Math.max(1, count);
  const below = niceBelow(least);
  if (below === 0) {
    return [];
  }
  const step = below < least * (1 - 1e-9) ? niceBelow(below * 2.5001) : below;
  const found: number[] = [];
  // Counted: beside a value that is large, steps may be too small to lead on.
  const first = Math.ceil(low / step - 1e-9);
  for (let i = 0; i < 4 * count && (first + i) * step <= high + step * 1e-9; i++) {
    const value = Number(((first + i) * step).toPrecision(12));
    if (value !== found.at(-1)) {
      found.push(value);
    }
  }
  return found;
}

/** What stands beside ticks in equal steps: alike, and with the digits that tell them apart. */
export function tickTexts(values: readonly number[]): string[] {
  const step = Math.abs((values[1] ?? Number.NaN) - (values[0] as number));
  if (!(step > 0)) {
    return values.map(numberText);
  }
  const largest = Math.max(...values.map(Math.abs));
  if (largest < 1e7 && step >= 1e-4) {
    return values.map((value) => minus(value.toFixed(decimalsFor(step))));
  }
  const [most, least] = [largest, step].map((size) => Math.floor(Math.log10(size) + 1e-9)) as [
    number,
    number,
  ];
  const digits = Math.min(12, Math.max(0, most - least));
  return values.map((value) => (value === 0 ? "0" : minus(value.toExponential(digits).replace("e+", "e"))));
}
