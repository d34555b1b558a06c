/** Peaks, points and regions among the parameters, and the scan position on a map. */

import type { Point } from "../geometry/fit";
import { drawPeaks, drawTarget } from "../render/overlay";
import { parametersOfKind, peakRadius, regionsBelongTo } from "../state/tree";
import type { MakeLayer } from "./layers";
import { drawPosition, drawRegions, MARK } from "./navigator";
import type { Pane } from "./pane";

/** Peaks with a larger misfit, about 1 where the finder's model holds, are dashed. */
const MISFIT = 3;

/** Radius of the circles around the peaks, CSS pixels. */
export function circleOf({ node, session, surface }: Pane): number {
  return Math.max(3, (peakRadius(session.state.nodes, node) ?? 4) * surface.scale);
}

export const marks: MakeLayer = (pane, { session, view }) => ({
  draw(sheet) {
    const { picture } = pane.state.value;
    const { node, surface } = pane;
    const { operations } = session.state;
    if (!picture || node?.id !== picture.reply.node) {
      return;
    }
    if (picture.reply.space === "navigation") {
      if (regionsBelongTo(node, node, session.state.nodes)) {
        drawRegions(sheet, surface, node, operations, null);
      }
      drawPosition(sheet(), surface, session.positionIn(node));
      return;
    }
    // Apart those that are no such spot as was looked for; without a model no peak is.
    const points: Point[] = [];
    const doubtful: Point[] = [];
    for (const [ky = 0, kx = 0, misfit = 0] of picture.peaks ?? []) {
      (misfit > MISFIT ? doubtful : points).push(surface.at(kx + 0.5, ky + 0.5));
    }
    if (picture.peaks?.length) {
      const radius = circleOf(pane);
      drawPeaks(sheet(), points, radius);
      drawPeaks(sheet(), doubtful, radius, [3, 3]);
    }
    const { draft } = view.value;
    const params = { ...node.params, ...(draft?.node === node.id ? draft.params : {}) };
    for (const { value } of parametersOfKind({ ...node, params }, operations, "signal_point")) {
      if (Array.isArray(value) && typeof value[0] === "number" && typeof value[1] === "number") {
        drawTarget(sheet(), surface.at(value[1] + 0.5, value[0] + 0.5), MARK);
      }
    }
  },
});
