/** A detector over a pattern: its area, its rims and, when it is held, its knobs; a thin or faint one has no area. */

import { type Detector, knobs, middleOf } from "../geometry/detector";
import type { Point, Rect } from "../geometry/fit";
import { line, strokeTwice } from "./overlay";

export const DETECTOR = "#4be3b0";
const AREA = "rgba(75, 227, 176, 0.14)";
/** Opacity of what is not looked for. */
const FAINT = 0.75;
const KNOB = 3.5;
/** Below these extents, in CSS pixels, knobs would hide what they belong to. */
const SMALL = 40;
const TINY = 16;

/** From continuous frame pixels to CSS pixels of the panel. */
export type Place = (x: number, y: number) => Point;

export type DetectorStyle = "plain" | "held" | "thin" | "faint";

export function drawDetector(
  context: CanvasRenderingContext2D,
  detector: Detector,
  place: Place,
  style: DetectorStyle,
): void {
  const held = style === "held";
  const { x, y } = middleOf(detector);
  const middle = place(x, y);
  context.save();
  context.beginPath();
  if (detector.type === "rectangle") {
    const [row, column] = detector.corner;
    const from = place(column, row);
    const to = place(column + detector.width, row + detector.height);
    context.rect(from.x, from.y, to.x - from.x, to.y - from.y);
  } else {
    const radii = detector.type === "disk" ? [detector.radius] : [detector.outer, detector.inner];
    for (const radius of radii) {
      const length = place(x + radius, y).x - middle.x;
      context.moveTo(middle.x + length, middle.y);
      context.arc(middle.x, middle.y, Math.max(0, length), 0, Math.PI * 2);
    }
  }
  if (style === "thin" || style === "faint") {
    context.globalAlpha = style === "faint" ? FAINT : 1;
    strokeTwice(context, DETECTOR, 1);
    // The circle of a peak may lie under its own.
    drawMiddle(context, middle);
    context.restore();
    return;
  }
  context.fillStyle = AREA;
  context.fill("evenodd");
  strokeTwice(context, DETECTOR, held ? 2 : 1.5);
  drawMiddle(context, middle);
  if (held) {
    drawKnobs(context, detector, place);
  }
  context.restore();
}

/** As many as leave the detector to be seen: corners only where the sides are short, none where it is tiny. */
function drawKnobs(context: CanvasRenderingContext2D, detector: Detector, place: Place): void {
  const points = knobs(detector).map(({ grip, at }) => ({ grip, at: place(at.x, at.y) }));
  const extent = (axis: "x" | "y"): number => {
    const values = points.map(({ at }) => at[axis]);
    return Math.max(...values) - Math.min(...values);
  };
  const least = Math.min(extent("x"), extent("y"));
  for (const { grip, at } of points) {
    const corner = detector.type !== "rectangle" || grip.length === 2;
    if (least >= (corner ? TINY : SMALL)) {
      drawKnob(context, at);
    }
  }
}

function drawMiddle(context: CanvasRenderingContext2D, { x, y }: Point): void {
  context.beginPath();
  line(context, x - 4, y, x + 4, y);
  line(context, x, y - 4, x, y + 4);
  strokeTwice(context, DETECTOR, 1);
}

function drawKnob(context: CanvasRenderingContext2D, { x, y }: Point): void {
  context.beginPath();
  context.rect(x - KNOB, y - KNOB, KNOB * 2, KNOB * 2);
  context.fillStyle = "#fff";
  context.fill();
  context.lineWidth = 1;
  context.strokeStyle = "rgba(0, 0, 0, 0.75)";
  context.stroke();
}

const ARROW = 9;
const ARROW_INSET = 6;

/** An arrow at the rim of what is seen, towards a detector that lies outside of it. */
export function drawTowards(context: CanvasRenderingContext2D, area: Rect, target: Point): void {
  const x = Math.min(Math.max(target.x, area.left + ARROW_INSET), area.left + area.width - ARROW_INSET);
  const y = Math.min(Math.max(target.y, area.top + ARROW_INSET), area.top + area.height - ARROW_INSET);
  context.save();
  context.translate(x, y);
  context.rotate(Math.atan2(target.y - y, target.x - x));
  context.beginPath();
  context.moveTo(0, 0);
  context.lineTo(-ARROW, -ARROW * 0.6);
  context.lineTo(-ARROW, ARROW * 0.6);
  context.closePath();
  strokeTwice(context, DETECTOR, 1.5);
  context.fillStyle = DETECTOR;
  context.fill();
  context.restore();
}
