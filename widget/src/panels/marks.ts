/** Peaks, points and regions among the parameters, and the scan position on a map. */

import type { Point } from "../geometry/fit";
import { PEAK_COLUMNS } from "../protocol/buffers";
import { drawPeaks, drawTarget } from "../render/overlay";
import { parametersOfKind, peakRadius } from "../state/tree";
import type { MakeLayer } from "./layers";
import { drawPosition, drawRegions, MARK } from "./navigator";

export const marks: MakeLayer = (pane, { session, view }) => ({
  draw(sheet) {
    const { picture } = pane.state.value;
    const { node, surface } = pane;
    const { nodes, operations } = session.store.value;
    if (!picture || node?.id !== picture.reply.node) {
      return;
    }
    if (picture.reply.space === "navigation") {
      drawRegions(sheet, surface, node, operations, null);
      drawPosition(sheet(), surface, session.positionIn(node));
      return;
    }
    const points: Point[] = [];
    const rows = picture.peaks ?? new Float32Array();
    for (let row = 0; row + 1 < rows.length; row += PEAK_COLUMNS) {
      points.push(surface.at((rows[row + 1] as number) + 0.5, (rows[row] as number) + 0.5));
    }
    if (points.length > 0) {
      drawPeaks(sheet(), points, Math.max(3, (peakRadius(nodes, node) ?? 4) * surface.scale));
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
