import { h } from "../dom";
import { pickButton } from "./pick";
import type { Control, ControlContext } from "./registry";

/** `[row, column]` in pixels of the signal axes: two fields, or a click on the signal view. */
export function signalPoint(context: ControlContext): Control {
  const { parameter, signal, id, change, refuse } = context;
  let last: unknown = null;
  const field = (part: string, elementId: string | null): HTMLInputElement =>
    h("input", {
      type: "number",
      step: "any",
      id: elementId,
      class: "st-field st-number",
      "aria-label": `${parameter.name} ${part}`,
      title: part,
      "data-st": `parameter-${parameter.name}-${part}`,
    });
  const fields = [field("row", id), field("column", null)] as const;
  const show = (value: unknown): void => {
    last = value;
    const point = Array.isArray(value) ? value : [];
    fields.forEach((element, i) => {
      element.value = typeof point[i] === "number" ? String(point[i]) : "";
    });
  };
  for (const element of fields) {
    element.addEventListener(
      "change",
      () => {
        const point = fields.map((part) => part.valueAsNumber);
        const typed = fields.every((part) => part.value !== "" || part.validity.badInput);
        if (point.every(Number.isFinite)) {
          last = point;
          change(point, false);
        } else if (typed) {
          show(last);
          refuse("Row and column have to be numbers");
        }
      },
      { signal },
    );
  }
  const pick = pickButton(context, "Click the point in the signal view", () => ({
    kind: "signal_point",
    parameter: parameter.name,
    done: (point) => {
      show(point);
      change(point, false);
    },
  }));
  return {
    elements: [...fields, pick],
    show,
    start: () => {
      const picture = context.view.value.picture?.reply;
      const middle = (length: number | undefined): number => Math.floor((length ?? 1) / 2);
      return Array.isArray(parameter.default)
        ? parameter.default
        : [middle(picture?.full_height), middle(picture?.full_width)];
    },
  };
}
