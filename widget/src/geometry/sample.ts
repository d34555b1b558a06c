/** What a picture says about one pixel. */

import { numberText, withUnits } from "./axes";

/** A sample, and the pixels whose mean it is. */
export interface SampleAt {
  value: number;
  width: number;
  height: number;
}

/** `37 counts`; of a reduced picture `37.25 counts, mean of 2 × 2`; empty where no sample is. */
export function sampleText(sample: SampleAt | null, units: string): string {
  if (!sample) {
    return "";
  }
  const { value, width, height } = sample;
  const text = withUnits(numberText(value), units);
  if (width * height === 1 || Number.isNaN(value)) {
    return text;
  }
  return `${text}, mean of ${height === 1 ? width : `${height} × ${width}`}`;
}
