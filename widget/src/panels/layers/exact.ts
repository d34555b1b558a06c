/** Says on a picture that it is an estimate, and how much of the exact one is there; or that the file lacks it. */

import { h, setHidden, setText } from "../../dom";
import type { FrameReply, NavigationRegion, NodeDescription } from "../../protocol/generated";
import type { Picture } from "../../state/picture";
import type { Layer, Pane } from "../pane";
import type { PanelContext } from "../registry";

export function exactLayer(pane: Pane, { session, view, signal }: PanelContext): Layer {
  const chip = h("div", {
    class: "st-chip st-exact",
    "data-st": "exactness",
  });
  pane.surface.element.append(chip);
  const show = (): void => {
    const { picture } = pane.state.value;
    const { region } = view.value;
    const together = region && pane.node?.kind === "frame" ? regionLabel(region) : "";
    const exactness = picture ? pendingText(picture, pane.node) : "";
    const filled = picture?.reply.filled ? "not in the file: fill value" : "";
    const empty = picture && isEmpty(picture) ? whyEmpty(pane.node) : "";
    const text = [together, exactness, filled, empty].filter((part) => part !== "").join(" · ");
    setHidden(chip, text === "");
    setText(chip, text);
    chip.classList.toggle("st-pending", exactness !== "");
    chip.classList.toggle("st-filled", filled !== "" || empty !== "");
  };
  pane.state.on(["picture"], show, signal);
  view.on(["region"], show, signal);
  session.store.on(["nodes"], show, signal);
  show();
  return {};
}

function pendingText(picture: Picture, node: NodeDescription | null | undefined): string {
  // The pattern is there before its peaks, which wait for what is measured over the scan.
  if (node?.kind !== "peaks" || picture.reply.peak_count !== null) {
    return exactnessText(picture.reply, hasGaps(picture));
  }
  const state = node.progress?.state;
  return state === "cancelled" || state === "failed" ? "peaks are not measured" : "peaks are being measured";
}

/** `mean of 11 × 15 positions`. */
function regionLabel({ statistic, height, width }: NavigationRegion): string {
  return `${statistic} of ${height} × ${width} positions`;
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

/** A map that is complete and has no value anywhere. */
function isEmpty({ reply, samples }: Picture): boolean {
  return reply.space === "navigation" && reply.exact && samples.every(Number.isNaN);
}

function whyEmpty(node: NodeDescription | null | undefined): string {
  return node?.caveats?.find(({ code }) => code === "no_value")?.text ?? "no position has a value";
}

/** Whether a map shows nothing where it is not computed, instead of an estimate. */
function hasGaps(picture: Picture): boolean {
  const { space, exact } = picture.reply;
  return space === "navigation" && !exact && picture.samples.some(Number.isNaN);
}
