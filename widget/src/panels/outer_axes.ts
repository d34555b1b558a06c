/** The navigation axes before the two that a picture spans: a slider and a field for each. */

import { h } from "../dom";
import { type AxisRow, axisRow } from "./axis_row";
import type { PanelContext } from "./registry";

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
      rows = axes.map((axis, i) => axisRow(axis, keysOf(i, axes.length), (index) => move(i, index), signal));
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
