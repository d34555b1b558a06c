/** Levels, logarithm, gamma and colormap composed into one table of 65,536 colours. */

import type { Samples } from "../protocol/buffers";
import { lookUp } from "../protocol/packed";
import { type Colormap, colours } from "./colormap";
import { type Composed, paintComposed, paintNames } from "./composite";

/** Samples, and the words they are packed in if they are whole numbers that came so. */
export interface Pixels {
  readonly samples: Samples;
  readonly packed: Uint32Array | null;
  /** The images of a composite, and what they are to it: it is drawn from them. */
  readonly planes?: readonly Samples[];
  readonly composed?: Composed | null;
}

export interface Levels {
  low: number;
  high: number;
}

export interface Contrast {
  colormap: Colormap;
  /** Exponent of the normalised value: below 1 lifts the dark parts. */
  gamma: number;
  log: boolean;
  /** Values come back after the high level. */
  wraps?: boolean;
}

const ENTRIES = 65_536;
const SHADES = 1024;
/** Strength of the logarithm: the share of the range shown linearly is about its inverse. */
const LOG_STRENGTH = 1000;

/** Share of the colormap (0 to 1) of a share of the levels' range (0 to 1). */
export function transfer(share: number, contrast: Contrast): number {
  switch (contrast.colormap.kind) {
    case "sequential":
      return brightness(share, contrast);
    case "diverging": {
      // Both halves alike, so that zero stays in the middle.
      const side = share * 2 - 1;
      return 0.5 + 0.5 * Math.sign(side) * Math.abs(side) ** contrast.gamma;
    }
    default:
      return share;
  }
}

/** Gamma and logarithm of a share of the levels' range. */
export function brightness(share: number, { gamma, log }: Pick<Contrast, "gamma" | "log">): number {
  const compressed = log ? Math.log1p(LOG_STRENGTH * share) / Math.log1p(LOG_STRENGTH) : share;
  return compressed ** gamma;
}

/** Colours of `entries` table rows; `shareOf` grows with the row. */
function shaded(contrast: Contrast, shareOf: (entry: number) => number, entries: number): Uint32Array {
  const shades = colours(contrast.colormap, SHADES);
  const table = new Uint32Array(entries);
  for (let entry = 0; entry < entries; entry++) {
    const share = shareOf(entry);
    if (share >= 1) {
      table.fill(shades[Math.round(transfer(1, contrast) * (SHADES - 1))] ?? 0, entry);
      break;
    }
    table[entry] = shades[Math.round(transfer(Math.max(0, share), contrast) * (SHADES - 1))] ?? 0;
  }
  return table;
}

/** Draws samples through the table, which is rebuilt only when levels or contrast change. */
export class Painter {
  #integers: Uint32Array | null = null;
  #shares: Uint32Array | null = null;
  #levels: Levels = { low: 0, high: 1 };
  #contrast: Contrast | null = null;

  set(levels: Levels, contrast: Contrast): void {
    const old = this.#contrast;
    const sameContrast =
      old?.colormap === contrast.colormap && old.gamma === contrast.gamma && old.log === contrast.log;
    if (!sameContrast) {
      this.#shares = null;
    }
    if (!sameContrast || levels.low !== this.#levels.low || levels.high !== this.#levels.high) {
      this.#integers = null;
    }
    this.#levels = { ...levels };
    this.#contrast = contrast;
  }

  /** Writes one RGBA word per sample, transparent where it is not finite; whether one is not. */
  paint(pixels: Pixels, target: Uint32Array): boolean {
    if (!this.#contrast) {
      return false;
    }
    const { low, high } = this.#levels;
    const range = high > low ? high - low : 1;
    const integers = (contrast: Contrast): Uint32Array => {
      this.#integers ??= shaded(contrast, (entry) => (entry - low) / range, ENTRIES);
      return this.#integers;
    };
    if (pixels.packed) {
      lookUp(pixels.packed, integers(this.#contrast), target);
      return false;
    }
    const { samples, composed } = pixels;
    if (composed) {
      return paintComposed(composed, target, this.#levels, this.#contrast);
    }
    if (samples instanceof Float32Array && this.#contrast.colormap.kind === "categorical") {
      return paintNames(samples, target, this.#contrast.colormap);
    }
    if (samples instanceof Float32Array) {
      this.#shares ??= shaded(this.#contrast, (entry) => entry / (ENTRIES - 1), ENTRIES);
      const paint = this.#contrast.wraps ? paintWrapped : paintFloats;
      return paint(samples, target, this.#shares, low, (ENTRIES - 1) / range);
    }
    if (samples instanceof Uint16Array) {
      paintWords(samples, target, integers(this.#contrast));
    } else {
      paintBytes(samples, target, integers(this.#contrast));
    }
    return false;
  }
}

// One loop per type of samples: compiled for it alone, a look-up takes about a nanosecond.

function paintWords(samples: Uint16Array, target: Uint32Array, table: Uint32Array): void {
  for (let i = 0; i < samples.length; i++) {
    target[i] = table[samples[i] as number] as number;
  }
}

function paintBytes(samples: Uint8Array, target: Uint32Array, table: Uint32Array): void {
  for (let i = 0; i < samples.length; i++) {
    target[i] = table[samples[i] as number] as number;
  }
}

function paintWrapped(
  samples: Float32Array,
  target: Uint32Array,
  table: Uint32Array,
  low: number,
  factor: number,
): boolean {
  const last = table.length - 1;
  let gaps = false;
  for (let i = 0; i < samples.length; i++) {
    const entry = (((samples[i] as number) - low) * factor) % last;
    if (Number.isFinite(entry)) {
      target[i] = table[(entry + (entry < 0 ? last : 0) + 0.5) | 0] as number;
    } else {
      target[i] = 0;
      gaps = true;
    }
  }
  return gaps;
}

function paintFloats(
  samples: Float32Array,
  target: Uint32Array,
  table: Uint32Array,
  low: number,
  factor: number,
): boolean {
  const last = table.length - 1;
  let gaps = false;
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] as number;
    if (Number.isFinite(sample)) {
      const entry = (sample - low) * factor;
      target[i] = table[entry <= 0 ? 0 : entry >= last ? last : (entry + 0.5) | 0] as number;
    } else {
      // NaN or an infinity.
      target[i] = 0;
      gaps = true;
    }
  }
  return gaps;
}
