/** Automatic levels and the histogram they are chosen on. */

import type { Samples } from "../protocol/buffers";
import type { Shows } from "../state/images";
import type { Levels } from "./table";

/**
 * Levels from the percentiles of a picture; around zero when zero is the middle of its range, from zero for lengths, and
 * what is known of a period.
 */
export function automaticLevels(
  percentiles: readonly [number, number],
  extrema: readonly [number, number],
  shows: Shows,
): Levels {
  let [low, high] = percentiles;
  if (!(high > low)) {
    [low, high] = extrema;
  }
  if (shows.type === "diverging") {
    const reach = Math.max(Math.abs(low), Math.abs(high));
    [low, high] = [-reach, reach];
  } else if (shows.type === "cyclic") {
    [low, high] = [0, shows.period];
  } else if (shows.type === "wheel") {
    low = 0;
  }
  if (!(high > low)) {
    const value = Number.isFinite(low) ? low : 0;
    return { low: value, high: value + 1 };
  }
  return { low, high };
}

/** The values the histogram shows: the levels with room beside them, not the rare bright pixels. */
export function histogramDomain(
  levels: Levels,
  percentiles: readonly [number, number],
  extrema: readonly [number, number],
): Levels {
  const finite = (value: number, other: number): number => (Number.isFinite(value) ? value : other);
  const low = Math.min(levels.low, finite(percentiles[0], levels.low));
  const high = Math.max(levels.high, finite(percentiles[1], levels.high));
  const room = (high - low) * 0.25;
  return {
    low: Math.min(levels.low, Math.max(low - room, finite(extrema[0], low))),
    high: Math.max(levels.high, Math.min(high + room, finite(extrema[1], high))),
  };
}

/** Most samples of which each is counted. */
const COUNTED = 1 << 16;

/**
 * Samples per bin over `domain`; what lies outside is not counted, or `wraps` into it. Of large pictures every third, fifth …
 * sample: an odd step does not stay in a few columns.
 */
export function histogram(samples: Samples, domain: Levels, bins: number, wraps = false): Uint32Array {
  const counts = new Uint32Array(bins);
  const range = domain.high - domain.low;
  if (!(range > 0)) {
    return counts;
  }
  const factor = bins / range;
  const step = Math.ceil(samples.length / COUNTED) | 1;
  for (let i = 0; i < samples.length; i += step) {
    const sample = samples[i] as number;
    const value = wraps ? sample - Math.floor((sample - domain.low) / range) * range : sample;
    if (value >= domain.low && value <= domain.high) {
      const bin = Math.min(bins - 1, Math.floor((value - domain.low) * factor));
      counts[bin] = (counts[bin] as number) + 1;
    }
  }
  return counts;
}

/** Bins such that whole numbers do not leave gaps. */
export function binsFor(samples: Samples, domain: Levels, most: number): number {
  if (samples instanceof Float32Array) {
    return most;
  }
  const values = domain.high - domain.low + 1;
  return values < most ? Math.max(8, Math.floor(values)) : most;
}
