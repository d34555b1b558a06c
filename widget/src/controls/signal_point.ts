import { h, listen } from "../dom";
import { pickButton } from "./pick";
import type { Control, ControlContext } from "./registry";

/** `[row, column]` in pixels of the signal axes: two fields, or a click on the signal view. */
export function signalPoint(context: ControlContext): Control {
  const { parameter, signal, id, change, refuse } = context;
  let last: unknown = null;
  /** What was measured while it is left out. */
  let found: readonly unknown[] = [];
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
  const text = (value: unknown): string => (typeof value === "number" ? String(value) : "");
  const show = (value: unknown, measured?: unknown): void => {
    last = value;
    const point = Array.isArray(value) ? value : [];
    found = !Array.isArray(value) && Array.isArray(measured) ? measured : [];
    fields.forEach((element, i) => {
      element.value = text(point[i]);
      element.placeholder = text(found[i]);
    });
  };
  for (const element of fields) {
    listen(
      element,
      "change",
      () => {
        const empty = fields.every((part) => part.value === "" && !part.validity.badInput);
        if (empty && parameter.optional) {
          show(null, found);
          change(null, false);
          return;
        }
        // Of one that is measured a single coordinate may be typed.
        const point = fields.map((part) => Number.parseFloat(part.value || part.placeholder));
        const typed = fields.every((part) => part.value !== "" || part.validity.badInput);
        if (point.every(Number.isFinite)) {
          show(point);
          change(point, false);
        } else if (typed) {
          show(last, found);
          refuse("Row and column have to be numbers");
        }
      },
      signal,
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
      if (Array.isArray(parameter.default)) {
        return parameter.default;
      }
      return found.length === 2 ? [...found] : [middle(picture?.full_height), middle(picture?.full_width)];
    },
  };
}
