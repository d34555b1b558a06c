/** Says on a picture that it is an estimate, and how much of the exact one is there. */

import { h, setText } from "../../dom";
import type { FrameReply } from "../../protocol/generated";
import type { Picture } from "../../state/frame_cache";
import type { Layer, Pane } from "../pane";
import type { PanelContext } from "../registry";

const ESTIMATE = "The exact picture is being computed; this one is close to it.";

export function exactLayer(pane: Pane, { signal }: PanelContext): Layer {
  const chip = h("div", {
    class: "st-chip st-exact",
    "data-st": "exactness",
  });
  pane.surface.element.append(chip);
  const show = (): void => {
    const { picture } = pane.state.value;
    const text = picture ? exactnessText(picture.reply, hasGaps(picture)) : "";
    chip.hidden = text === "";
    setText(chip, text);
    chip.title = picture && hasGaps(picture) ? "The rest is being computed." : ESTIMATE;
  };
  pane.state.on(["picture"], show, signal);
  show();
  return {};
}

/** `estimate`, `estimate · 63 % exact`, `63 % computed` with gaps; empty for an exact picture. */
export function exactnessText(
  { exact, complete }: Pick<FrameReply, "exact" | "complete">,
  gaps: boolean,
): string {
  if (exact) {
    return "";
  }
  const share = Math.floor(complete * 100);
  if (gaps) {
    return `${share} % computed`;
  }
  return share > 0 && share < 100 ? `estimate · ${share} % exact` : "estimate";
}

/** Whether a map shows nothing where it is not computed, instead of an estimate. */
function hasGaps({ reply, samples }: Picture): boolean {
  return reply.space === "navigation" && !reply.exact && samples.some(Number.isNaN);
}
