/** The slider of a pane for the slowest of three signal axes: which image of the stack is shown. */

import { h } from "../dom";
import { componentNumber, imageCount, pictureOf, stackAxis } from "../state/images";
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
        const move = (index: number): void => {
          const part = node ? componentNumber(node, state.value.component) : 0;
          session.setComponent(pictureOf(node, part, index), key);
        };
        row = axis && axisRow(axis, "", move, signal);
        element.replaceChildren(...(row ? [row.element] : []));
        element.hidden = row === null;
      }
      row?.show(state.value.component % imageCount(node));
    },
  };
}
