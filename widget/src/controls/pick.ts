import { h, icon, listen, setAttributes } from "../dom";
import type { Picking } from "../state/view";
import type { ControlContext } from "./registry";

/** The button that waits for a mark on a picture, and gives up when pressed again. */
export function pickButton(
  { parameter, view, signal }: ControlContext,
  hint: string,
  picking: () => Picking,
): HTMLButtonElement {
  const button = h(
    "button",
    {
      class: "st-icon-button st-pick",
      title: hint,
      "aria-label": hint,
      "data-st": `parameter-${parameter.name}-pick`,
    },
    icon("M8 1.5v4M8 10.5v4M1.5 8h4M10.5 8h4", "M8 4.5a3.5 3.5 0 1 0 .01 0z"),
  );
  const active = (): boolean => view.value.picking?.parameter === parameter.name;
  listen(button, "click", () => view.set({ picking: active() ? null : picking() }), signal);
  view.on(["picking"], () => setAttributes(button, { "aria-pressed": String(active()) }), signal);
  setAttributes(button, { "aria-pressed": "false" });
  return button;
}
