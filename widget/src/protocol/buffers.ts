import type { SampleType } from "./generated";

/** Pixels of one picture, C order. */
export type Samples = Uint8Array | Uint16Array | Float32Array;

/** Rows `ky, kx, misfit, ky_error, kx_error, score, spread` of a peaks buffer. */
export const PEAK_COLUMNS = 7;

const TYPES = { u8: Uint8Array, u16: Uint16Array, f32: Float32Array } as const satisfies Record<
  SampleType,
  unknown
>;

/** A typed view of the first numbers of a buffer, without a copy where its offset allows one. */
export function typed<T>(
  { buffer, byteOffset, byteLength }: DataView,
  Type: { new (buffer: ArrayBufferLike, offset: number, count: number): T; BYTES_PER_ELEMENT: number },
  count: number,
): T {
  return byteOffset % Type.BYTES_PER_ELEMENT === 0
    ? new Type(buffer, byteOffset, count)
    : new Type(buffer.slice(byteOffset, byteOffset + byteLength), 0, count);
}

/** A typed view of a received buffer. Throws when it has not `count` samples. */
export function samplesOf(buffer: DataView, sample: SampleType, count: number): Samples {
  const Type = TYPES[sample];
  const bytes = count * Type.BYTES_PER_ELEMENT;
  if (buffer.byteLength !== bytes) {
    throw new RangeError(
      `a picture of ${count} ${sample} samples needs ${bytes} bytes, ${buffer.byteLength} came`,
    );
  }
  return typed<Samples>(buffer, Type, count);
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
