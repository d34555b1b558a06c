/** A detector over a pattern: its area, its rims and, when it is held, its knobs; a thin or faint one has no area. */

import { type Detector, isMarked, knobs, middleOf, type Place, trace } from "../geometry/detector";
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

export type DetectorStyle = "plain" | "held" | "thin" | "faint";

export function drawDetector(
  context: CanvasRenderingContext2D,
  detector: Detector,
  place: Place,
  style: DetectorStyle,
): void {
  const held = style === "held";
  context.save();
  context.beginPath();
  trace(context, detector, place);
  if (style === "thin" || style === "faint") {
    context.globalAlpha = style === "faint" ? FAINT : 1;
    strokeTwice(context, DETECTOR, 1);
    // The circle of a peak may lie under its own.
    drawMiddle(context, detector, place);
    context.restore();
    return;
  }
  context.fillStyle = AREA;
  context.fill("evenodd");
  strokeTwice(context, DETECTOR, held ? 2 : 1.5);
  drawMiddle(context, detector, place);
  if (held) {
    drawKnobs(context, detector, place);
  }
  context.restore();
}

/** As many as leave the detector to be seen: few where it is short, none where it is tiny. */
function drawKnobs(context: CanvasRenderingContext2D, detector: Detector, place: Place): void {
  const points = knobs(detector).map((knob) => ({ ...knob, at: place(knob.at.x, knob.at.y) }));
  const extent = (axis: "x" | "y"): number => {
    const values = points.map(({ at }) => at[axis]);
    return Math.max(...values) - Math.min(...values);
  };
  // What has knobs along one axis only is as long as it.
  const least = Math.min(...[extent("x"), extent("y")].filter((length) => length > 0));
  for (const { at, minor } of points) {
    if (least >= (minor ? SMALL : TINY)) {
      drawKnob(context, at, minor ? KNOB - 1 : KNOB);
    }
  }
}

function drawMiddle(context: CanvasRenderingContext2D, detector: Detector, place: Place): void {
  if (!isMarked(detector)) {
    return;
  }
  const middle = middleOf(detector);
  const { x, y } = place(middle.x, middle.y);
  context.beginPath();
  line(context, x - 4, y, x + 4, y);
  line(context, x, y - 4, x, y + 4);
  strokeTwice(context, DETECTOR, 1);
}

function drawKnob(context: CanvasRenderingContext2D, { x, y }: Point, half: number): void {
  context.beginPath();
  context.rect(x - half, y - half, half * 2, half * 2);
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
