/** Which nodes are detectors, and where they lie over the pattern of their parent. */

import { type Detector, detectorOf, type Ground } from "../geometry/detector";
import type { NodeDescription, OperationDescription, Outline } from "../protocol/generated";
import { isMeasuredFormerly, operationOf, same } from "./tree";

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
 * Whether it is drawn faintly until somebody looks for it, and only over what is selected: what places a circle over peaks
 * is no picture of its own, and the circle would hide some of them.
 */
export function isShy(node: NodeDescription): boolean {
  return node.kind !== "map";
}

/**
 * A detector as it lies over the pattern now: with what is tried, if anything, and measured where it is left out. The circle of
 * the disks, which is told about where the direct beam is, stands where that was found.
 */
export function placedDetector(
  node: NodeDescription,
  operations: readonly OperationDescription[],
  draft: Draft | null,
  ground: Ground,
): { outline: Outline; detector: Detector; params: Record<string, unknown> } | null {
  const outline = outlineOf(operationOf(node, operations));
  // A band lies on the axis of spectra, everything else on images.
  if (!outline || (outline.type === "band") !== Boolean(ground.axis)) {
    return null;
  }
  const params = { ...node.params, ...(draft?.node === node.id ? draft.params : {}) };
  const known: Record<string, unknown> = { ...params };
  for (const [name, value] of Object.entries(node.measured_parameters ?? {})) {
    known[name] ??= value;
  }
  if (outline.type === "disk" && isFound(node, outline.centre, params)) {
    known[outline.centre] = node.measured_parameters?.[outline.centre];
  }
  const { type, ...names } = outline;
  if (isShy(node) && Object.values(names).some((name) => (known[name] ?? null) === null)) {
    // Not measured yet.
    return null;
  }
  return { outline, detector: detectorOf(outline, known, ground), params };
}

/** Whether the place of a circle was measured, and is not being told otherwise. */
export function isFound(
  node: NodeDescription,
  centre: string,
  params: Readonly<Record<string, unknown>>,
): boolean {
  return (
    isShy(node) &&
    same(params[centre], node.params[centre]) &&
    !isMeasuredFormerly(node) &&
    Array.isArray(node.measured_parameters?.[centre])
  );
}
