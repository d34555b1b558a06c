/** Marks over pictures. Each is a light line on a dark one, to be seen on any colormap. */

import type { Point, Rect } from "../geometry/fit";

/** The canvas of the marks. Who asks for it draws on it: while nobody does, it is not there. */
export type Sheet = () => CanvasRenderingContext2D;

const DARK = "rgba(0, 0, 0, 0.55)";

/** Strokes the current path twice: a dark halo and a line, dashed as in a canvas. */
export function strokeTwice(
  context: CanvasRenderingContext2D,
  colour: string,
  width = 1,
  dash: number[] = [],
): void {
  context.lineWidth = width + 2;
  context.strokeStyle = DARK;
  context.stroke();
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.setLineDash(dash);
  context.stroke();
  context.setLineDash([]);
}

/** Adds a line to the path. */
export function line(
  context: CanvasRenderingContext2D,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
): void {
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
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
  const bottom = area.top + area.height;
  if (vertical) {
    line(context, x, area.top, x, bottom);
  } else {
    line(context, area.left, y, x - halfWidth, y);
    line(context, x + halfWidth, y, area.left + area.width, y);
    line(context, x, area.top, x, y - halfHeight);
    line(context, x, y + halfHeight, x, bottom);
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
  strokeTwice(context, colour, 1.25, [5, 3]);
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
    line(context, at.x + dx * 3, at.y + dy * 3, at.x + dx * 10, at.y + dy * 10);
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
  context.beginPath();
  for (const { x, y } of peaks) {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, Math.PI * 2);
  }
  strokeTwice(context, "#ff9d2e", 1.25, dash);
}
