import { h, listen } from "../dom";
import { withUnits } from "../geometry/axes";
import { middleHalf } from "../geometry/outlines/band";
import { isPair, type Pair } from "../geometry/outlines/shape";
import type { AxisDescription } from "../protocol/generated";
import type { Control, ControlContext } from "./registry";

/** From one value of the signal axis to another, in its unit: two fields, and the band on the spectrum. */
export function signalRange(context: ControlContext): Control {
  const { parameter, signal, id, input, change, refuse } = context;
  const axisNow = (): AxisDescription | null => input()?.signal_axes.at(-1) ?? null;
  const axis = axisNow();
  let last: unknown = null;
  /** Where it lies when it is left out. */
  const usual = (): Pair | null => {
    const on = axisNow();
    return on && middleHalf(on);
  };
  const field = (end: string, elementId: string | null): HTMLInputElement =>
    h("input", {
      type: "number",
      step: "any",
      id: elementId,
      class: "st-field st-number",
      "aria-label": `${parameter.name} ${end}`,
      title: axis ? `${end}, ${withUnits(axis.name, axis.units && `in ${axis.units}`)}` : end,
      "data-st": `parameter-${parameter.name}-${end}`,
    });
  const fields = [field("from", id), field("to", null)] as const;
  const show = (value: unknown): void => {
    last = value;
    const range: readonly unknown[] = isPair(value) ? value : [];
    fields.forEach((element, i) => {
      const number = range[i];
      element.value = typeof number === "number" ? String(number) : "";
      element.placeholder = String(usual()?.[i] ?? "");
    });
  };
  for (const element of fields) {
    listen(
      element,
      "change",
      () => {
        const empty = fields.every((part) => part.value === "" && !part.validity.badInput);
        if (empty && parameter.optional) {
          show(null);
          change(null, false);
          return;
        }
        // Of one that is left out a single end may be typed.
        const [from = Number.NaN, to = Number.NaN] = fields.map((part) =>
          Number.parseFloat(part.validity.badInput ? "" : part.value || part.placeholder),
        );
        if (from < to) {
          show([from, to]);
          change([from, to], false);
        } else {
          show(last);
          const known = Number.isFinite(from) && Number.isFinite(to);
          refuse(
            known
              ? `From ${from} to ${to} there is nothing: from has to be below to`
              : "From and to have to be numbers",
          );
        }
      },
      signal,
    );
  }
  return {
    elements: [fields[0], h("span", { class: "st-joint" }, "to"), fields[1]],
    units: axis?.units,
    show,
    start: () => (isPair(parameter.default) ? parameter.default : (axis && middleHalf(axis)) || null),
  };
}
