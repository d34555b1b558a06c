/** Colours of pictures that are not a colormap between levels: directions, three images at once, names. */

import type { Samples } from "../protocol/buffers";
import { type Colormap, categoryColour, colours } from "./colormap";
import { brightness, type Contrast, type Levels } from "./table";

/** What a composite is drawn from. */
export type Composed =
  | { type: "wheel"; y: Samples; x: Samples }
  | { type: "rgb"; channels: readonly Samples[]; levels: readonly Levels[] };

/** Steps of a turn and of brightness: finer than a screen shows. */
const STEPS = 4096;
const OPAQUE = 0xff000000;

/** Writes one RGBA word per sample, transparent where one of its images has no value; whether one has not. */
export function paintComposed(
  composed: Composed,
  target: Uint32Array,
  levels: Levels,
  contrast: Contrast,
): boolean {
  return composed.type === "wheel"
    ? paintWheel(composed, target, levels, contrast)
    : paintRgb(composed, target, contrast);
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
  const bright = Float64Array.from({ length: STEPS }, (_, i) => brightness(i / (STEPS - 1), contrast));
  let gaps = false;
  for (let i = 0; i < target.length; i++) {
    const [down, right] = [y[i] as number, x[i] as number];
    const length = Math.sqrt(down * down + right * right);
    if (!Number.isFinite(length)) {
      target[i] = 0;
      gaps = true;
      continue;
    }
    const share = bright[Math.round(shareOf(length, levels) * (STEPS - 1))] as number;
    const at = Math.round(turnOf(down, right) * (STEPS - 1)) * 4;
    target[i] =
      (OPAQUE |
        (Math.round((ring[at + 2] as number) * share) << 16) |
        (Math.round((ring[at + 1] as number) * share) << 8) |
        Math.round((ring[at] as number) * share)) >>>
      0;
  }
  return gaps;
}

/** The direction of a vector as a share of a turn: 0 to the right (+x), a quarter down (+y). */
export function turnOf(y: number, x: number): number {
  const turn = Math.atan2(y, x) / (2 * Math.PI);
  return turn < 0 ? turn + 1 : turn;
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
