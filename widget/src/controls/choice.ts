import { h, listen } from "../dom";
import type { Control, ControlContext } from "./registry";

/** One of a few names. */
export function choice({ parameter, signal, id, change }: ControlContext): Control {
  const choices = parameter.control.type === "choice" ? parameter.control.choices : [];
  const select = h(
    "select",
    { id, class: "st-field st-grow", "data-st": `parameter-${parameter.name}-value` },
    ...choices.map((name) => h("option", { value: name }, name.replaceAll("_", " "))),
  );
  listen(select, "change", () => change(select.value, false), signal);
  return {
    elements: [select],
    show(value) {
      select.value = typeof value === "string" ? value : "";
    },
    start: () => (typeof parameter.default === "string" ? parameter.default : choices[0]),
  };
}
