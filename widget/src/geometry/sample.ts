/** What a picture says about one pixel. */

import { numberText, withUnits } from "./axes";

/** A sample, and the pixels whose mean it is, or that it was picked from. */
export interface SampleAt {
  value: number;
  /** What a composite is drawn from, image by image. */
  planes?: readonly number[];
  width: number;
  height: number;
}

/** `37 counts`; of a reduced picture `37.25 counts, mean of 2 × 2`; empty where no sample is. */
export function sampleText(sample: SampleAt | null, units: string): string {
  return sample ? withUnits(numberText(sample.value), units) + blockText(sample, "mean") : "";
}

/** `, mean of 2 × 2` where several pixels share a sample; nothing else. */
export function blockText({ value, width, height }: SampleAt, what: "mean" | "one"): string {
  if (width * height === 1 || Number.isNaN(value)) {
    return "";
  }
  return `, ${what} of ${height === 1 ? width : `${height} × ${width}`}`;
}
