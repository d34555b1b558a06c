/** Levels, logarithm, gamma and colormap composed into one table of 65,536 colours. */

import type { Samples } from "../protocol/buffers";
import { type Colormap, colours } from "./colormap";

export interface Levels {
  low: number;
  high: number;
}

export interface Contrast {
  colormap: Colormap;
  /** Exponent of the normalised value: below 1 lifts the dark parts. */
  gamma: number;
  log: boolean;
}

const ENTRIES = 65_536;
const SHADES = 1024;
/** Strength of the logarithm: the share of the range shown linearly is about its inverse. */
const LOG_STRENGTH = 1000;

/** Share of the colormap (0 to 1) of a share of the levels' range (0 to 1). */
export function transfer(share: number, contrast: Contrast): number {
  if (contrast.colormap.diverging) {
    // Both halves alike, so that zero stays in the middle.
    const side = share * 2 - 1;
    return 0.5 + 0.5 * Math.sign(side) * Math.abs(side) ** contrast.gamma;
  }
  const compressed = contrast.log ? Math.log1p(LOG_STRENGTH * share) / Math.log1p(LOG_STRENGTH) : share;
  return compressed ** contrast.gamma;
}

function shaded(contrast: Contrast, shareOf: (entry: number) => number, entries: number): Uint32Array {
  const shades = colours(contrast.colormap, SHADES);
  const table = new Uint32Array(entries);
  for (let entry = 0; entry < entries; entry++) {
    const share = Math.min(1, Math.max(0, shareOf(entry)));
    table[entry] = shades[Math.round(transfer(share, contrast) * (SHADES - 1))] ?? 0;
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

  /** Writes one RGBA word per sample; samples that are not finite stay transparent. */
  paint(samples: Samples, target: Uint32Array): void {
    if (!this.#contrast) {
      return;
    }
    const { low, high } = this.#levels;
    const range = high > low ? high - low : 1;
    if (samples instanceof Float32Array) {
      this.#shares ??= shaded(this.#contrast, (entry) => entry / (ENTRIES - 1), ENTRIES);
      paintFloats(samples, target, this.#shares, low, (ENTRIES - 1) / range);
    } else {
      this.#integers ??= shaded(this.#contrast, (entry) => (entry - low) / range, ENTRIES);
      const table = this.#integers;
      for (let i = 0; i < samples.length; i++) {
        target[i] = table[samples[i] as number] as number;
      }
    }
  }
}

function paintFloats(
  samples: Float32Array,
  target: Uint32Array,
  table: Uint32Array,
  low: number,
  factor: number,
): void {
  const last = table.length - 1;
  for (let i = 0; i < samples.length; i++) {
    const entry = ((samples[i] as number) - low) * factor;
    if (Number.isNaN(entry)) {
      target[i] = 0;
    } else {
      target[i] = table[entry <= 0 ? 0 : entry >= last ? last : (entry + 0.5) | 0] as number;
    }
  }
}
