/** The scale bar in the lower left corner of a picture: an element, which costs nothing while pictures change. */

import { h, setHidden, setText } from "../dom";
import { scaleBar } from "../geometry/axes";
import type { Rect, Size } from "../geometry/fit";
import type { AxisDescription } from "../protocol/generated";

/** From the edges of what is seen, CSS pixels. */
const INSET = 5;

export interface ScaleBarElement {
  readonly element: HTMLElement;
  /** `visible`: the part of a panel of the size `outer` that the picture fills, at `scale` CSS pixels per pixel. */
  show(axis: AxisDescription | null, visible: Rect, scale: number, outer: Size): void;
}

export function makeScaleBar(): ScaleBarElement {
  const label = h("span");
  const line = h("i");
  const element = h("div", { class: "st-scale-bar", "aria-hidden": "true", hidden: true }, label, line);
  return {
    element,
    show(axis, { left, top, width, height }, scale, outer) {
      const bar = axis && scaleBar(axis, width / scale);
      setHidden(element, !bar);
      if (bar) {
        setText(label, bar.label);
        line.style.width = `${bar.share * width}px`;
        element.style.left = `${left + INSET}px`;
        element.style.bottom = `${outer.height - top - height + INSET}px`;
      }
    },
  };
}
