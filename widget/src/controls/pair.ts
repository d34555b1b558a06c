import { h, listen } from "../dom";
import { isPair } from "../geometry/outlines/shape";
import { refusalOf } from "./number";
import type { Control, ControlContext } from "./registry";

/** Two numbers with one unit and the same limits, each with a name: two fields. */
export function pair({ parameter, signal, id, change, refuse }: ControlContext): Control {
  const { control, name } = parameter;
  const { parts, whole } = control.type === "pair" ? control : { parts: ["first", "second"], whole: false };
  let last: unknown = null;
  const fields = parts.map((part, i) =>
    h("input", {
      type: "number",
      step: whole ? "1" : "any",
      id: i === 0 ? id : null,
      class: "st-field st-number",
      "aria-label": `${name} ${part}`,
      title: part,
      "data-st": `parameter-${name}-${part}`,
    }),
  );
  const show = (value: unknown): void => {
    last = value;
    const numbers: readonly unknown[] = isPair(value) ? value : [];
    fields.forEach((field, i) => {
      field.value = typeof numbers[i] === "number" ? String(numbers[i]) : "";
      // While both are empty they say what they are.
      field.placeholder = parts[i] ?? "";
    });
  };
  /** Why what stands in the fields cannot be; empty when it can. */
  const problem = (numbers: readonly number[]): string => {
    const refused = numbers.map((number, i) => {
      if (!Number.isFinite(number)) {
        return `${parts[i]} has to be a number`;
      }
      const reason = refusalOf(number, parameter, whole);
      return reason && `${parts[i]}: ${reason}`;
    });
    return refused.find((reason) => reason !== "") ?? "";
  };
  for (const field of fields) {
    listen(
      field,
      "change",
      () => {
        const isEmpty = (part: HTMLInputElement): boolean => part.value === "" && !part.validity.badInput;
        if (fields.every(isEmpty) && parameter.optional) {
          show(null);
          change(null, false);
          return;
        }
        if (fields.some(isEmpty)) {
          // The other one is still to be typed.
          return;
        }
        const numbers = fields.map((part) => Number.parseFloat(part.value));
        const reason = problem(numbers);
        if (reason === "") {
          show(numbers);
          change(numbers, false);
        } else {
          show(last);
          refuse(reason);
        }
      },
      signal,
    );
  }
  return {
    elements: fields,
    show,
    start: () => (isPair(parameter.default) ? parameter.default : null),
  };
}
