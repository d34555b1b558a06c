/** The navigation axes before the two that a picture spans: a slider and a field for each. */

import { h, listen, setAttributes, setText } from "../dom";
import { axisText } from "../geometry/axes";
import { clamp } from "../geometry/fit";
import type { AxisDescription } from "../protocol/generated";
import type { PanelContext } from "./registry";

interface AxisRow {
  element: HTMLElement;
  show(index: number): void;
}

/** The slower axes of the shown node's scan, in an element that is hidden while there are none. */
export function outerAxes({ session, signal }: PanelContext): HTMLElement {
  const element = h("div", { class: "st-outer-axes", "data-st": "outer-axes", hidden: true });
  let built = "";
  let rows: AxisRow[] = [];
  const move = (axis: number, index: number): void => {
    const position = [...session.state.position];
    position[axis] = index;
    session.moveTo(position);
  };
  const fill = (): void => {
    const axes = (session.node?.navigation_axes ?? []).slice(0, -2);
    const wanted = JSON.stringify(axes);
    if (wanted !== built) {
      built = wanted;
      rows = axes.map((axis, i) => makeRow(axis, keysOf(i, axes.length), (index) => move(i, index), signal));
      element.replaceChildren(...rows.map((row) => row.element));
      element.hidden = rows.length === 0;
    }
    rows.forEach((row, i) => {
      row.show(session.state.position[i] ?? 0);
    });
  };
  session.store.on(["node", "nodes", "position"], fill, signal);
  fill();
  return element;
}

/** What moves along the axis in every picture of the scan. */
function keysOf(axis: number, count: number): string {
  return axis === count - 1 ? "Page Up and Page Down" : "Shift+Page Up and Shift+Page Down";
}

function makeRow(
  axis: AxisDescription,
  keys: string,
  move: (index: number) => void,
  signal: AbortSignal,
): AxisRow {
  const last = axis.size - 1;
  const title = `Position along ${axis.name} (${keys})`;
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
      setAttributes(slider, { "aria-valuetext": `${index} of 0 to ${last}` });
      if (field.ownerDocument.activeElement !== field) {
        field.valueAsNumber = index;
      }
      const calibrated = axis.units !== "" && axis.units !== "px";
      setText(note, calibrated ? axisText(axis, index) : `of ${axis.size}`);
    },
  };
}
