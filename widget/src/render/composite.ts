/** Colours of pictures that are not a colormap between levels: directions, three images at once, names. */

import type { Samples } from "../protocol/buffers";
import { type Colormap, categoryColour, colours } from "./colormap";
import { brightness, type Contrast, type Levels } from "./table";

/** What a composite is drawn from. */
export type Composed =
  | { type: "wheel"; y: Samples; x: Samples }
  | { type: "rgb"; channels: readonly Samples[]; levels: readonly Levels[] }
  | { type: "colours"; channels: readonly Samples[]; full: number };

/** Steps of a turn and of brightness: finer than a screen shows. */
const STEPS = 4096;
const LAST = STEPS - 1;
const OPAQUE = 0xff000000;

/** Writes one RGBA word per sample, transparent where one of its images has no value; whether one has not. */
export function paintComposed(
  composed: Composed,
  target: Uint32Array,
  levels: Levels,
  contrast: Contrast,
): boolean {
  switch (composed.type) {
    case "wheel":
      return paintWheel(composed, target, levels, contrast);
    case "rgb":
      return paintRgb(composed, target, contrast);
    case "colours":
      return paintOwn(composed, target);
  }
}

/** Share of the range between the levels, from 0 to 1. */
function shareOf(value: number, { low, high }: Levels): number {
  return Math.min(1, Math.max(0, (value - low) / (high > low ? high - low : 1)));
}

function paintWheel(
  { y, x }: { y: Samples; x: Samples },
  target: Uint32Array,
  levels: Levels,
  contrast: Contrast,
): boolean {
  const ring = new Uint8Array(colours(contrast.colormap, STEPS).buffer);
  const bright = Float64Array.from({ length: STEPS }, (_, i) => brightness(i / LAST, contrast));
  const factor = LAST / (levels.high > levels.low ? levels.high - levels.low : 1);
  let gaps = false;
  for (let i = 0; i < target.length; i++) {
    const down = y[i] as number;
    const right = x[i] as number;
    const length = Math.sqrt(down * down + right * right);
    if (!(length < Number.POSITIVE_INFINITY)) {
      target[i] = 0;
      gaps = true;
      continue;
    }
    const entry = (length - levels.low) * factor;
    const share = bright[entry <= 0 ? 0 : entry >= LAST ? LAST : (entry + 0.5) | 0] as number;
    const at = ((turnOf(down, right) * LAST + 0.5) | 0) << 2;
    target[i] =
      OPAQUE |
      (((ring[at + 2] as number) * share + 0.5) << 16) |
      (((ring[at + 1] as number) * share + 0.5) << 8) |
      ((ring[at] as number) * share + 0.5);
  }
  return gaps;
}

/** The direction of a vector as a share of a turn, to a thousandth of a degree: 0 to the right (+x), a quarter down (+y). */
export function turnOf(y: number, x: number): number {
  const [down, right] = [Math.abs(y), Math.abs(x)];
  const steep = down > right;
  const slope = steep ? right / down : down / right || 0;
  // Abramowitz and Stegun, 4.4.49: with `Math.atan2` a large map takes three times as long.
  const s = slope * slope;
  const eighth =
    (slope * (0.999866 + s * (-0.3302995 + s * (0.180141 + s * (-0.085133 + s * 0.0208351))))) /
    (2 * Math.PI);
  const quarter = steep ? 0.25 - eighth : eighth;
  const half = x < 0 ? 0.5 - quarter : quarter;
  return y < 0 ? 1 - half : half;
}

function paintRgb(
  { channels, levels }: { channels: readonly Samples[]; levels: readonly Levels[] },
  target: Uint32Array,
  contrast: Contrast,
): boolean {
  let gaps = false;
  for (let i = 0; i < target.length; i++) {
    let word = OPAQUE;
    for (let channel = 0; channel < 3; channel++) {
      const value = channels[channel]?.[i] ?? Number.NaN;
      const share = brightness(shareOf(value, levels[channel] ?? { low: 0, high: 1 }), contrast);
      word = Number.isFinite(value) ? word | (Math.round(share * 255) << (8 * channel)) : 0;
      if (word === 0) {
        gaps = true;
        break;
      }
    }
    target[i] = word >>> 0;
  }
  return gaps;
}

/** Colours as they are stored, `full` of each at most; what is transparent is seen on white. */
function paintOwn(
  { channels, full }: { channels: readonly Samples[]; full: number },
  target: Uint32Array,
): boolean {
  const [red, green, blue, alpha] = channels;
  if (!red || !green || !blue) {
    return false;
  }
  const factor = 255 / full;
  for (let i = 0; i < target.length; i++) {
    const opacity = alpha ? (alpha[i] as number) / full : 1;
    const white = 255 * (1 - opacity) + 0.5;
    const part = factor * opacity;
    target[i] =
      (OPAQUE |
        (((blue[i] as number) * part + white) << 16) |
        (((green[i] as number) * part + white) << 8) |
        ((red[i] as number) * part + white)) >>>
      0;
  }
  return false;
}

/** One colour for each whole number from 0 on. */
export function paintNames(samples: Float32Array, target: Uint32Array, map: Colormap): boolean {
  const words = Uint32Array.from(map.points, (_, i) => {
    const value = Number.parseInt(categoryColour(map, i).slice(1), 16);
    return (OPAQUE | ((value & 255) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
  });
  let gaps = false;
  for (let i = 0; i < samples.length; i++) {
    const number = Math.round(samples[i] as number);
    const named = number >= 0 && Number.isFinite(number);
    target[i] = named ? (words[number % words.length] as number) : 0;
    gaps ||= !named;
  }
  return gaps;
}
