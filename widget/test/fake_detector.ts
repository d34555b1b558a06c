/** Images of virtual detectors in the synthetic scan: the disks of each pattern inside the detector, and a background. */

import { type Detector, detectorOf, gripAt } from "../src/geometry/detector";
import type { NodeDescription } from "../src/protocol/generated";
import { latticeAt } from "./fake_scan";
import { DETECTOR, ENERGY, OPERATIONS, SCAN } from "./fixtures";

/** The image for these parameters, or nothing for a node that is no detector. */
export function detectorImage(node: NodeDescription, params: Record<string, unknown>): Float32Array | null {
  const outline = OPERATIONS.find(({ name }) => name === node.operation)?.outline;
  if (!outline || node.kind !== "map") {
    return null;
  }
  const detector = detectorOf(outline, params, { width: DETECTOR.nx, height: DETECTOR.ny, axis: ENERGY });
  if (detector.type === "band") {
    const width = detector.to - detector.from;
    return Float32Array.from({ length: SCAN.ny * SCAN.nx }, (_, i) => width * (1 + (i % SCAN.nx)));
  }
  const inside = insideOf(detector);
  return Float32Array.from({ length: SCAN.ny * SCAN.nx }, (_, i) => {
    const spots = latticeAt(Math.floor(i / SCAN.nx), i % SCAN.nx);
    return spots.reduce((sum, [ky, kx, order]) => sum + 900 * Math.exp(-order / 2) * inside(ky, kx), 100);
  });
}

type Share = (ky: number, kx: number) => number;

/** The share of a spot at a place that lies inside; of a polygon whether the pixel does. */
function insideOf(detector: Exclude<Detector, { type: "band" }>): Share {
  if (detector.type === "point") {
    return () => 1;
  }
  if (detector.type !== "polygon") {
    return (ky, kx) => share(detector, ky, kx);
  }
  const mask = Uint8Array.from({ length: DETECTOR.ny * DETECTOR.nx }, (_, i) => {
    const at = { x: (i % DETECTOR.nx) + 0.5, y: Math.floor(i / DETECTOR.nx) + 0.5 };
    return gripAt(detector, at, 0) === null ? 0 : 1;
  });
  return (ky, kx) => mask[Math.round(ky) * DETECTOR.nx + Math.round(kx)] ?? 0;
}

/** The share of a disk of radius 4 that lies inside, roughly. */
function share(
  detector: Exclude<Detector, { type: "band" | "polygon" | "point" }>,
  ky: number,
  kx: number,
): number {
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
