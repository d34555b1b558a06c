/** The slider of a pane for the slowest of three signal axes: which image of the stack is shown. */

import { h } from "../dom";
import { stackAxis } from "../state/images";
import { type AxisRow, axisRow } from "./axis_row";
import type { Pane } from "./pane";
import type { PanelContext } from "./registry";

export interface StackSlider {
  element: HTMLElement;
  fill(pane: Pane): void;
}

export function stackSlider(key: number, { session }: PanelContext, signal: AbortSignal): StackSlider {
  const element = h("div", { class: "st-outer-axes", "data-st": "stack-axis", hidden: true });
  let built = "";
  let row: AxisRow | null = null;
  return {
    element,
    fill({ node, state }) {
      const axis = stackAxis(node);
      const wanted = JSON.stringify([node?.id, axis]);
      if (wanted !== built) {
        built = wanted;
        row = axis && axisRow(axis, "", (index) => session.setComponent(index, key), signal);
        element.replaceChildren(...(row ? [row.element] : []));
        element.hidden = row === null;
      }
      row?.show(state.value.component);
    },
  };
}
