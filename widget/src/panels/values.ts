/** What a picture says of the value under the pointer. */

import { numberText, withUnits } from "../geometry/axes";
import { blockText, type SampleAt, sampleText } from "../geometry/sample";
import { writingOf, writtenText } from "../geometry/units";
import type { CompositeDescription, NodeDescription } from "../protocol/generated";
import { turnOf } from "../render/composite";
import { componentOf, compositeOf } from "../state/images";

/** `37 counts`; of one of several maps `ε_xx 1.61 %`, in the units people write it in; of a composite what it is drawn from. */
export function valueText(node: NodeDescription, picture: number, sample: SampleAt | null): string {
  const composite = compositeOf(node, picture);
  if (composite?.colouring === "colours" && sample) {
    return colourText(sample);
  }
  if (composite && sample) {
    return compositeText(node, composite, picture, sample);
  }
  const map = componentOf(node, picture);
  const { factor, units } = writingOf(node, picture);
  const written = sample && { ...sample, value: sample.value * factor };
  const { display } = map ?? {};
  const name = display?.type === "categorical" && display.names[Math.round(sample?.value ?? Number.NaN)];
  const picked = display?.type === "categorical" || display?.type === "cyclic";
  const text =
    picked && written
      ? (name || withUnits(numberText(written.value), units)) + blockText(written, "one")
      : sampleText(written, units);
  return map && node.components.length > 1 && text !== "" ? `${map.title} ${text}` : text;
}

/** `R 12, G 200, B 255`, with `A` where there is opacity. */
function colourText(sample: SampleAt): string {
  const channels = (sample.planes ?? []).map((value, i) => `${"RGBA"[i]} ${numberText(value)}`);
  return channels.join(", ") + blockText(sample, "mean");
}

/** `Δy −0.310 px, Δx 0.120 px · Deflection 0.332 px at 291°`: the direction from +x towards +y, which is down. */
function compositeText(
  node: NodeDescription,
  { title, colouring, components }: CompositeDescription,
  picture: number,
  sample: SampleAt,
): string {
  const values = components.map((component, i) => {
    const { factor, units } = writingOf(node, component);
    const value = (sample.planes?.[i] ?? Number.NaN) * factor;
    return `${node.components[component]?.title ?? ""} ${withUnits(numberText(value), units)}`;
  });
  const [y, x] = sample.planes ?? [];
  if (colouring !== "wheel" || !Number.isFinite(sample.value) || y === undefined || x === undefined) {
    return values.join(", ") + blockText(sample, "mean");
  }
  const length = writtenText(sample.value, writingOf(node, picture));
  const direction = sample.value > 0 ? ` at ${(turnOf(y, x) * 360).toFixed(0)}°` : "";
  return `${values.join(", ")} · ${title} ${length}${direction}${blockText(sample, "mean")}`;
}
