/** A picture as it came, and its samples when somebody reads them. */

import { PEAK_COLUMNS, type Samples, samplesOf } from "../protocol/buffers";
import type { FrameReply } from "../protocol/generated";
import { packedWords, unpack } from "../protocol/packed";

/** `ky, kx, misfit, ky_error, kx_error, score, spread`. */
export type Peak = Float32Array;

/** The peak nearest to a row and a column, if one is nearer than so many pixels. */
export function peakAt(
  peaks: readonly Peak[] | null | undefined,
  [row, column]: readonly [number, number],
  within: number,
): Peak | null {
  let [found, least]: [Peak | null, number] = [null, within];
  for (const peak of peaks ?? []) {
    const away = Math.hypot((peak[0] as number) - row, (peak[1] as number) - column);
    if (away < least) {
      [found, least] = [peak, away];
    }
  }
  return found;
}

/** Lengths of vectors; NaN where one of their components is not there. */
function lengthsOf(y: Samples, x: Samples): Float32Array {
  return Float32Array.from(y, (down, i) => Math.sqrt(down * down + (x[i] as number) ** 2));
}

/** Sums of the blocks of one picture, until they are means. */
let scratch = new Uint32Array();

export class Picture {
  readonly reply: FrameReply;
  /** A row for each peak, or none. */
  readonly peaks: readonly Peak[] | null = null;
  /** The images of a composite; of other pictures none. */
  readonly planes: readonly Samples[];
  /** Samples that are whole numbers, as they came. */
  readonly packed: Uint32Array | null;
  /** Memory of what came. */
  readonly bytes: number;
  #sums: Uint32Array | null = null;
  #samples: Samples | null = null;

  /** Throws when the buffers do not fit the reply. */
  constructor(reply: FrameReply, [pixels, rows]: readonly DataView[]) {
    if (!pixels) {
      throw new RangeError("the picture came without its samples");
    }
    this.reply = reply;
    const count = reply.width * reply.height;
    const words = reply.encoding?.startsWith("packed") ? packedWords(pixels, count) : null;
    this.packed = reply.encoding === "packed" ? words : null;
    this.#sums = reply.encoding === "packed_sums" ? words : null;
    const all = words ? null : samplesOf(pixels, reply.sample, count * reply.planes);
    const plane = (_: unknown, i: number): Samples =>
      all?.subarray(i * count, (i + 1) * count) ?? new Float32Array();
    this.planes = reply.planes > 1 ? Array.from({ length: reply.planes }, plane) : [];
    this.#samples = this.planes.length === 0 ? all : null;
    this.bytes = pixels.byteLength + (rows?.byteLength ?? 0);
    if (reply.peak_count !== null && rows) {
      const all = samplesOf(rows, "f32", reply.peak_count * PEAK_COLUMNS);
      this.peaks = Array.from(
        { length: reply.peak_count },
        (_, row) => all.subarray(row * PEAK_COLUMNS, (row + 1) * PEAK_COLUMNS) as Peak,
      );
    }
  }

  /** C order; of the two images of a vector its lengths, of other composites the first image. */
  get samples(): Samples {
    this.#samples ??= this.#unpacked();
    return this.#samples;
  }

  /** It is not shown any more: what was unpacked is forgotten. */
  rest(): void {
    if (this.packed || this.#sums || this.planes.length > 0) {
      this.#samples = null;
    }
  }

  #unpacked(): Samples {
    const { sample, width, height } = this.reply;
    const count = width * height;
    const [first, second] = this.planes;
    if (first) {
      return second && this.planes.length === 2 ? lengthsOf(first, second) : first;
    }
    if (this.packed) {
      return unpack(this.packed, sample === "u8" ? new Uint8Array(count) : new Uint16Array(count));
    }
    if (scratch.length !== count) {
      scratch = new Uint32Array(count);
    }
    return this.#means(unpack(this.#sums ?? new Uint32Array(), scratch));
  }

  /** Means over blocks of pixels, which may be smaller at the lower and the right edge. */
  #means(sums: Uint32Array): Float32Array {
    const { width, height, part, block } = this.reply;
    const means = new Float32Array(sums.length);
    for (let row = 0, i = 0; row < height; row++) {
      const rows = Math.min(block, part.height - row * block);
      for (let column = 0; column < width; column++, i++) {
        means[i] = (sums[i] as number) / (rows * Math.min(block, part.width - column * block));
      }
    }
    return means;
  }
}
