/** Which nodes are detectors, and where they lie over the pattern of their parent. */

import { type Detector, detectorOf } from "../geometry/detector";
import type { Size } from "../geometry/fit";
import type { NodeDescription, OperationDescription, Outline } from "../protocol/generated";
import { operationOf } from "./tree";

/** Whether the parameters of an operation place a region of the pattern that can be drawn and dragged. */
export function isDetector(operation: OperationDescription | null): boolean {
  return outlineOf(operation) !== null;
}

export function outlineOf(operation: OperationDescription | null): Outline | null {
  return operation?.outline ?? null;
}

/** Parameters that are tried on a node before they are its own. */
export interface Draft {
  node: number;
  params: Record<string, unknown>;
}

/**
 * Whether it is drawn only while somebody looks for it: what places a circle over peaks is no picture of its own, and
 * the circle would hide some of them.
 */
export function isShy(node: NodeDescription): boolean {
  return node.kind !== "map";
}

/** A detector as it lies over the pattern now: with what is tried, if anything, and measured where it is left out. */
export function placedDetector(
  node: NodeDescription,
  operations: readonly OperationDescription[],
  draft: Draft | null,
  frame: Size,
): { outline: Outline; detector: Detector; params: Record<string, unknown> } | null {
  const outline = outlineOf(operationOf(node, operations));
  if (!outline) {
    return null;
  }
  const params = { ...node.params, ...(draft?.node === node.id ? draft.params : {}) };
  const known: Record<string, unknown> = { ...params };
  for (const [name, value] of Object.entries(node.measured_parameters ?? {})) {
    known[name] ??= value;
  }
  const { type, ...names } = outline;
  if (isShy(node) && Object.values(names).some((name) => (known[name] ?? null) === null)) {
    // Not measured yet.
    return null;
  }
  return { outline, detector: detectorOf(outline, known, frame), params };
}
