import { h, listen } from "../dom";
import type { Control, ControlContext } from "./registry";

/** Free text, reported when it is complete. */
export function text({ parameter, signal, id, change }: ControlContext): Control {
  const field = h("input", {
    type: "text",
    id,
    class: "st-field st-grow",
    spellcheck: "false",
    "data-st": `parameter-${parameter.name}-value`,
  });
  listen(field, "change", () => change(field.value, false), signal);
  return {
    elements: [field],
    show(value) {
      field.value = typeof value === "string" ? value : "";
    },
    start: () => (typeof parameter.default === "string" ? parameter.default : ""),
  };
}
