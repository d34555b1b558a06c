import { h, listen } from "../dom";
import type { Control, ControlContext } from "./registry";

/** Yes or no. */
export function toggle({ parameter, signal, id, change }: ControlContext): Control {
  const box = h("input", {
    type: "checkbox",
    id,
    role: "switch",
    class: "st-switch",
    "data-st": `parameter-${parameter.name}-value`,
  });
  listen(box, "change", () => change(box.checked, false), signal);
  return {
    elements: [box],
    show(value) {
      box.checked = value === true;
    },
    start: () => parameter.default === true,
  };
}
