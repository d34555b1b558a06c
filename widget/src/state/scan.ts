/** Where a position of one scan is in another: a part of a scan, or groups of its positions, are still places of it. */

import type { NodeDescription, ScanSteps } from "../protocol/generated";
import { nodeById } from "./tree";

/** Of a frame for the whole scan: that scan. */
function stepsOf(node: NodeDescription, nodes: readonly NodeDescription[]): ScanSteps | undefined {
  return (node.navigation_axes.length > 0 ? node : nodeById(nodes, node.scan))?.in_file;
}

/** Whether the positions of a node are no places of its file: they are the components of a model. */
export function isApart(node: NodeDescription | null, nodes: readonly NodeDescription[]): boolean {
  const scan = node && nodeById(nodes, node.scan);
  return scan !== null && scan.id !== scan.source && scan.in_file === undefined;
}

/**
 * The index in the scan of `to` that is nearest to the place of `position` in the scan of `from`. It may lie outside; `null`
 * where the two have no place in common.
 */
export function carried(
  position: readonly number[],
  from: NodeDescription | null,
  to: NodeDescription | null,
  nodes: readonly NodeDescription[],
): readonly number[] | null {
  if (!from || !to || from.scan === to.scan) {
    return position;
  }
  if (isApart(from, nodes) || isApart(to, nodes)) {
    return null;
  }
  if (from.source !== to.source) {
    return position;
  }
  const [one, other] = [stepsOf(from, nodes), stepsOf(to, nodes)];
  return position.map((index, axis) => {
    const place = (one?.first[axis] ?? 0) + (one?.step[axis] ?? 1) * index;
    return Math.round((place - (other?.first[axis] ?? 0)) / (other?.step[axis] ?? 1));
  });
}
