/** A slider and a field for the index along one axis. */

import { h, listen, setAttributes, setText } from "../dom";
import { axisText, isTold } from "../geometry/axes";
import { clamp } from "../geometry/fit";
import type { AxisDescription } from "../protocol/generated";

export interface AxisRow {
  element: HTMLElement;
  show(index: number): void;
}

/** `keys` are those that move it elsewhere, in words; empty where there are none. */
export function axisRow(
  axis: AxisDescription,
  keys: string,
  move: (index: number) => void,
  signal: AbortSignal,
): AxisRow {
  const last = axis.size - 1;
  const title = `Position along ${axis.name}${keys === "" ? "" : ` (${keys})`}`;
  const slider = h("input", {
    type: "range",
    class: "st-slider",
    min: 0,
    max: last,
    step: 1,
    "aria-label": `Position along ${axis.name}`,
    title,
    "data-st": `axis-${axis.name}-slider`,
  });
  const field = h("input", {
    type: "number",
    class: "st-field st-number st-short",
    min: 0,
    max: last,
    step: 1,
    "aria-label": `Index along ${axis.name}, 0 to ${last}`,
    title,
    "data-st": `axis-${axis.name}-value`,
  });
  const note = h("span", { class: "st-note" });
  let shown = 0;
  listen(slider, "input", () => move(slider.valueAsNumber), signal);
  listen(
    field,
    "change",
    () => {
      const typed = Math.round(field.valueAsNumber);
      const index = Number.isFinite(typed) ? clamp(typed, 0, last) : shown;
      field.valueAsNumber = index;
      move(index);
    },
    signal,
  );
  const element = h(
    "div",
    { class: "st-outer-axis" },
    h("span", { class: "st-label" }, axis.name),
    slider,
    field,
    note,
  );
  return {
    element,
    show(index) {
      shown = index;
      slider.valueAsNumber = index;
      slider.style.setProperty("--st-share", String(last > 0 ? index / last : 0));
      const told = isTold(axis) ? axisText(axis, index) : "";
      setAttributes(slider, { "aria-valuetext": `${index} of 0 to ${last}${told && `, ${told}`}` });
      if (field.ownerDocument.activeElement !== field) {
        field.valueAsNumber = index;
      }
      setText(note, told || `of ${axis.size}`);
    },
  };
}
