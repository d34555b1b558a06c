/** In which unit the values of a picture are written: readout, levels, histogram and curves have it from here. */

import type { NodeDescription } from "../protocol/generated";
import { componentOf, planesOf } from "../state/images";
import { numberText, withUnits } from "./axes";

/** `factor` times a value is the number in `units`. */
export interface Writing {
  factor: number;
  units: string;
}

export function writingOf(node: NodeDescription, picture: number): Writing {
  const image = componentOf(node, planesOf(node, picture)[0] ?? 0);
  return image?.shown ?? { factor: 1, units: image?.units || node.value_units };
}

/** `1.61 %` for 0.0161. */
export function writtenText(value: number, { factor, units }: Writing): string {
  return withUnits(numberText(value * factor), units);
}

/**
 * The value that was typed: with a decimal comma, a minus of typography, with or without its unit; in percent
 * where that is another unit. `null` if it is none.
 */
export function readValue(text: string, { factor, units }: Writing): number | null {
  const trimmed = text.trim();
  const named = units !== "" && trimmed.endsWith(units);
  const percent = !named && trimmed.endsWith("%");
  const digits = trimmed.slice(0, trimmed.length - (named ? units.length : percent ? 1 : 0)).trimEnd();
  const plain = digits.replace("\u2212", "-");
  const value = Number(plain.includes(".") ? plain : plain.replace(",", "."));
  if (plain === "" || !Number.isFinite(value)) {
    return null;
  }
  return percent ? value / 100 : value / factor;
}
