import { describe, expect, it } from "vitest";
import type { FrameReply } from "../src/protocol/generated";
import { colormapNamed } from "../src/render/colormap";
import { Painter } from "../src/render/table";
import { Picture } from "../src/state/picture";

const view = (words: number[]): DataView => new DataView(Uint32Array.from(words).buffer);

function picture(change: Partial<FrameReply>, ...buffers: DataView[]): Picture {
  const [width, height] = [change.width ?? 8, change.height ?? 8];
  const reply = {
    width,
    height,
    part: { x0: 0, y0: 0, width, height },
    block: 1,
    planes: 1,
    encoding: "packed",
    sample: "u16",
    peak_count: null,
    ...change,
  } as FrameReply;
  return new Picture(reply, buffers);
}

/** The words that the kernel's test writes. */
const WORDS = [7 + 2 * 2 ** 27, 0b11_00_01_10_00, 0, 0, 0];
const SAMPLES = [7, 9, 8, 7, 10];

describe("a picture", () => {
  it("that came as it is has its samples without a copy", () => {
    const pixels = Uint16Array.of(3, 4, 5, 6);
    const found = picture({ encoding: "raw", width: 2, height: 2 }, new DataView(pixels.buffer));
    expect(found.samples.buffer).toBe(pixels.buffer);
    expect([found.packed, found.bytes]).toEqual([null, 8]);
    found.rest();
    expect([...found.samples]).toEqual([3, 4, 5, 6]);
  });

  it("that came packed is unpacked when somebody reads it, until it rests", () => {
    const found = picture({}, view(WORDS));
    expect(found.samples).toBeInstanceOf(Uint16Array);
    expect([...found.samples.slice(0, 5)]).toEqual(SAMPLES);
    expect(found.samples.slice(5).every((sample) => sample === 7)).toBe(true);
    const { samples } = found;
    expect(found.samples).toBe(samples);
    found.rest();
    expect(found.samples).not.toBe(samples);
    expect(found.bytes).toBe(20);
  });

  it("that came packed is drawn the same without being unpacked", () => {
    const painter = new Painter();
    painter.set({ low: 6, high: 12 }, { colormap: colormapNamed("viridis"), gamma: 0.7, log: false });
    const found = picture({}, view(WORDS));
    const [packed, unpacked] = [new Uint32Array(64), new Uint32Array(64)];
    painter.paint(found, packed);
    painter.paint({ samples: found.samples, packed: null }, unpacked);
    expect(packed).toEqual(unpacked);
    const [even, last] = [new Uint32Array(65), 64];
    painter.paint(picture({ width: 65, height: 1, sample: "u8" }, view([9, 11])), even);
    expect([even[0], even[63], even[last]]).toEqual([unpacked[1], unpacked[1], even[last]]);
    expect(even[last]).not.toBe(even[0]);
  });

  it("may have a sample as wide as a word beside equal ones", () => {
    const wide = 2 ** 26 + 5;
    const part = { x0: 0, y0: 0, width: 66, height: 4 };
    const { samples } = picture(
      { encoding: "packed_sums", sample: "f32", width: 33, height: 2, part, block: 2 },
      view([1000, 3 + 27 * 2 ** 27, 0, wide - 3]),
    );
    expect([samples[0], samples[63], samples[64], samples[65]]).toEqual([
      250,
      250,
      0.75,
      Math.fround(wide / 4),
    ]);
  });

  it("of sums is divided by the pixels of each block, fewer at the lower and the right edge", () => {
    const part = { x0: 4, y0: 6, width: 3, height: 3 };
    const found = picture(
      { encoding: "packed_sums", sample: "f32", width: 2, height: 2, part, block: 2 },
      view([8]),
    );
    expect([...found.samples]).toEqual([2, 4, 4, 8]);
    expect(found.packed).toBeNull();
  });

  it("that does not fit its reply is refused", () => {
    expect(() => picture({ sample: "u8" }, view([5, 6]))).toThrow(/64 packed samples/);
    expect(() => picture({}, view([5 + 8 * 2 ** 27, 6]))).toThrow(/64 packed samples/);
    expect(() => picture({}, view([]))).toThrow(/64 packed samples/);
    expect(() => picture({})).toThrow(/without its samples/);
    expect(() => picture({ encoding: "raw" }, view([5]))).toThrow(/needs 128 bytes/);
  });
});
