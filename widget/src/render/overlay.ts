/** Marks over pictures. Each is a light line on a dark one, to be seen on any colormap. */

import type { Point, Rect } from "../geometry/fit";

/** The canvas of the marks. Who asks for it draws on it: while nobody does, it is not there. */
export type Sheet = () => CanvasRenderingContext2D;

const LIGHT = "rgba(255, 255, 255, 0.95)";
const DARK = "rgba(0, 0, 0, 0.55)";

/** Strokes the current path twice: a dark halo and a line. */
export function strokeTwice(context: CanvasRenderingContext2D, colour = LIGHT, width = 1): void {
  context.lineWidth = width + 2;
  context.strokeStyle = DARK;
  context.stroke();
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke();
}

/** Lines through the middle of the pixel that lies at `pixel`, which stays free. */
export function drawCrosshair(
  context: CanvasRenderingContext2D,
  area: Rect,
  pixel: Rect,
  colour: string,
  vertical = false,
): void {
  const x = Math.round(pixel.left + pixel.width / 2) + 0.5;
  const y = Math.round(pixel.top + pixel.height / 2) + 0.5;
  const [halfWidth, halfHeight] = [Math.max(4, pixel.width / 2), Math.max(4, pixel.height / 2)];
  context.beginPath();
  if (vertical) {
    context.moveTo(x, area.top);
    context.lineTo(x, area.top + area.height);
  } else {
    context.moveTo(area.left, y);
    context.lineTo(x - halfWidth, y);
    context.moveTo(x + halfWidth, y);
    context.lineTo(area.left + area.width, y);
    context.moveTo(x, area.top);
    context.lineTo(x, y - halfHeight);
    context.moveTo(x, y + halfHeight);
    context.lineTo(x, area.top + area.height);
    context.rect(x - halfWidth, y - halfHeight, halfWidth * 2, halfHeight * 2);
  }
  strokeTwice(context, colour);
}

export function drawRectangle(
  context: CanvasRenderingContext2D,
  from: Point,
  to: Point,
  colour: string,
): void {
  context.beginPath();
  context.rect(
    Math.round(from.x) + 0.5,
    Math.round(from.y) + 0.5,
    Math.round(to.x - from.x) - 1,
    Math.round(to.y - from.y) - 1,
  );
  context.setLineDash([]);
  context.lineWidth = 3;
  context.strokeStyle = DARK;
  context.stroke();
  context.setLineDash([5, 3]);
  context.lineWidth = 1.25;
  context.strokeStyle = colour;
  context.stroke();
  context.setLineDash([]);
}

export function drawTarget(context: CanvasRenderingContext2D, at: Point, colour: string): void {
  context.beginPath();
  context.arc(at.x, at.y, 6, 0, Math.PI * 2);
  for (const [dx, dy] of [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ] as const) {
    context.moveTo(at.x + dx * 3, at.y + dy * 3);
    context.lineTo(at.x + dx * 10, at.y + dy * 10);
  }
  strokeTwice(context, colour, 1.25);
}

/** Circles of `radius` CSS pixels; `dash` as in a canvas. */
export function drawPeaks(
  context: CanvasRenderingContext2D,
  peaks: readonly Point[],
  radius: number,
  dash: number[] = [],
): void {
  if (peaks.length === 0) {
    return;
  }
  context.setLineDash(dash);
  context.beginPath();
  for (const { x, y } of peaks) {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, Math.PI * 2);
  }
  strokeTwice(context, "#ff9d2e", 1.25);
  context.setLineDash([]);
}
