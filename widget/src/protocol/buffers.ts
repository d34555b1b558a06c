import type { SampleType } from "./generated";

/** Pixels of one picture, C order. */
export type Samples = Uint8Array | Uint16Array | Float32Array;

/** Rows `ky, kx, misfit` of a peaks buffer. */
export const PEAK_COLUMNS = 3;

const BYTES: Record<SampleType, number> = { u8: 1, u16: 2, f32: 4 };

/**
 * A typed view of a received buffer, without a copy where its offset allows one.
 * Throws when the buffer has not `count` samples.
 */
export function samplesOf(buffer: DataView, sample: SampleType, count: number): Samples {
  const bytes = BYTES[sample];
  if (buffer.byteLength !== count * bytes) {
    throw new RangeError(
      `a picture of ${count} ${sample} samples needs ${count * bytes} bytes, ${buffer.byteLength} came`,
    );
  }
  const aligned = buffer.byteOffset % bytes === 0;
  const source = aligned
    ? buffer.buffer
    : buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
  const offset = aligned ? buffer.byteOffset : 0;
  switch (sample) {
    case "u8":
      return new Uint8Array(source, offset, count);
    case "u16":
      return new Uint16Array(source, offset, count);
    case "f32":
      return new Float32Array(source, offset, count);
  }
}

/** FNV-1a over the bytes: tells two pictures apart in a test. */
export function checksum(samples: Samples): number {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  let hash = 0x811c9dc5;
  for (const byte of bytes) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}
