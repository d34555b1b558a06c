/**
 * The picture stored in the model: there before the first answer, and without any kernel. It belongs to the
 * pane that has none of its own yet, lies below its canvas, and goes with the first picture for good.
 */

import { h } from "../../dom";
import type { Layer, Pane } from "../pane";
import type { PanelContext } from "../registry";

export function posterLayer(pane: Pane, { session, signal }: PanelContext): Layer {
  const { poster } = session;
  if (!poster || session.pictured || !pane.focused) {
    return {};
  }
  const address = URL.createObjectURL(new Blob([poster], { type: "image/png" }));
  const image = h("img", { class: "st-poster", src: address, alt: session.posterText, "data-st": "poster" });
  signal.addEventListener("abort", () => URL.revokeObjectURL(address));
  pane.surface.element.prepend(image);
  pane.state.on(["picture"], () => image.remove(), signal);
  return {};
}
