/**
 * Whole numbers in as few bits as their neighbours need: `views/src/pack.rs` has the format. They can be looked up
 * in a table as they are; half a megabyte of samples is unpacked only when somebody reads them.
 */

import { typed } from "./buffers";

const RUN = 64;
const LEAST_BITS = 27;
const LEAST = (1 << LEAST_BITS) - 1;

const wordsOf = (samples: number, bits: number): number =>
  bits === 0 ? 0 : Math.ceil(samples / Math.floor(32 / bits));
/** Of a whole run, for each number of bits. */
const WORDS = Uint8Array.from({ length: 32 }, (_, bits) => wordsOf(RUN, bits));

/** The words of `count` packed samples. Throws when they are not. */
export function packedWords(buffer: DataView, count: number): Uint32Array {
  const words = typed(buffer, Uint32Array, Math.floor(buffer.byteLength / 4));
  let at = 0;
  for (let i = 0; i < count && at < words.length; i += RUN) {
    const bits = (words[at] as number) >>> LEAST_BITS;
    at += 1 + (i + RUN <= count ? (WORDS[bits] as number) : wordsOf(count - i, bits));
  }
  if (at !== words.length || (count > 0 && at === 0)) {
    throw new RangeError(`${words.length} words are not a picture of ${count} packed samples`);
  }
  return words;
}

export function unpack<T extends Uint8Array | Uint16Array | Uint32Array>(words: Uint32Array, target: T): T {
  const count = target.length;
  for (let i = 0, at = 0; i < count; ) {
    const head = words[at++] as number;
    const least = head & LEAST;
    const bits = head >>> LEAST_BITS;
    const end = Math.min(count, i + RUN);
    if (bits === 0) {
      target.fill(least, i, end);
      i = end;
      continue;
    }
    const mask = (1 << bits) - 1;
    const each = Math.floor(32 / bits);
    while (i < end) {
      let word = words[at++] as number;
      const stop = Math.min(end, i + each);
      for (; i < stop; i++) {
        target[i] = least + (word & mask);
        word >>>= bits;
      }
    }
  }
  return target;
}

/** Writes the entry of `table` for each sample. With `| 0` its numbers stay whole ones: a quarter of the time. */
export function lookUp(words: Uint32Array, table: Uint32Array, target: Uint32Array): void {
  const count = target.length | 0;
  for (let i = 0, at = 0; i < count; ) {
    const head = (words[at++] as number) | 0;
    const least = head & LEAST;
    const bits = head >>> LEAST_BITS;
    const end = Math.min(count, i + RUN) | 0;
    if (bits === 0) {
      target.fill(table[least] as number, i, end);
      i = end;
      continue;
    }
    const mask = (1 << bits) - 1;
    const each = (32 / bits) | 0;
    while (i < end) {
      let word = (words[at++] as number) | 0;
      const stop = Math.min(end, i + each) | 0;
      for (; i < stop; i++) {
        target[i] = table[least + (word & mask)] as number;
        word >>>= bits;
      }
    }
  }
}
