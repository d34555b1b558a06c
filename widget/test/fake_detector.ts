/** Images of virtual detectors in the synthetic scan: the disks of each pattern inside the detector, and a background. */

import { type Detector, detectorOf } from "../src/geometry/detector";
import type { NodeDescription } from "../src/protocol/generated";
import { latticeAt } from "./fake_kernel";
import { DETECTOR, OPERATIONS, SCAN } from "./fixtures";

/** The image for these parameters, or nothing for a node that is no detector. */
export function detectorImage(node: NodeDescription, params: Record<string, unknown>): Float32Array | null {
  const outline = OPERATIONS.find(({ name }) => name === node.operation)?.outline;
  if (!outline || node.kind !== "map") {
    return null;
  }
  const detector = detectorOf(outline, params, { width: DETECTOR.nx, height: DETECTOR.ny });
  return Float32Array.from({ length: SCAN.ny * SCAN.nx }, (_, i) => {
    const spots = latticeAt(Math.floor(i / SCAN.nx), i % SCAN.nx);
    return spots.reduce(
      (sum, [ky, kx, order]) => sum + 900 * Math.exp(-order / 2) * share(detector, ky, kx),
      100,
    );
  });
}

/** The share of a disk of radius 4 that lies inside, roughly. */
function share(detector: Detector, ky: number, kx: number): number {
  const soft = (depth: number): number => Math.min(1, Math.max(0, 0.5 + depth / 8));
  if (detector.type === "rectangle") {
    const [row, column] = detector.corner;
    return (
      soft(Math.min(ky - row, row + detector.height - ky)) *
      soft(Math.min(kx - column, column + detector.width - kx))
    );
  }
  const r = Math.hypot(ky - detector.centre[0], kx - detector.centre[1]);
  return detector.type === "disk"
    ? soft(detector.radius - r)
    : soft(detector.outer - r) * soft(r - detector.inner);
}
