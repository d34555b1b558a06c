/** Which part of a picture a panel shows. */

import { clamp, type Point, type Rect, type Size } from "./fit";

/** `x` and `y`: the share of the picture that lies in the middle of the panel. */
export interface Zoom {
  scale: number;
  x: number;
  y: number;
}

export const WHOLE: Zoom = { scale: 1, x: 0.5, y: 0.5 };

/** One pixel of the frame is never shown larger than this, in CSS pixels. */
const LARGEST_PIXEL = 64;

/** The rectangle of the zoomed picture: `base` enlarged, without leaving a free edge in `area`. */
export function placeZoomed(base: Rect, area: Rect, zoom: Zoom): Rect {
  const [left, width] = placeAxis(base.left, base.width, area.left, area.width, zoom.scale, zoom.x);
  const [top, height] = placeAxis(base.top, base.height, area.top, area.height, zoom.scale, zoom.y);
  return { left, top, width, height };
}

function placeAxis(
  base: number,
  length: number,
  from: number,
  outer: number,
  scale: number,
  middle: number,
): [number, number] {
  const whole = length * scale;
  if (scale === 1) {
    return [base, length];
  }
  if (whole <= outer) {
    return [from + (outer - whole) / 2, whole];
  }
  return [from + clamp(outer / 2 - middle * whole, outer - whole, 0), whole];
}

/** The zoom that `placed` comes from, so that what was cut off at an edge is not remembered. */
function zoomOf(placed: Rect, area: Rect, scale: number): Zoom {
  return {
    scale,
    x: (area.left + area.width / 2 - placed.left) / placed.width,
    y: (area.top + area.height / 2 - placed.top) / placed.height,
  };
}

/** Zooms by `factor`; what lies under `at` stays there. */
export function zoomAbout(
  zoom: Zoom,
  factor: number,
  at: Point,
  base: Rect,
  area: Rect,
  picture: Size,
): Zoom {
  const limit = Math.max(1, (LARGEST_PIXEL * picture.width) / base.width);
  let scale = clamp(zoom.scale * factor, 1, limit);
  if (scale < 1.01) {
    return WHOLE;
  }
  scale = Number(scale.toPrecision(6));
  const before = placeZoomed(base, area, zoom);
  const share = { x: (at.x - before.left) / before.width, y: (at.y - before.top) / before.height };
  const [width, height] = [base.width * scale, base.height * scale];
  const wanted = zoomOf(
    { left: at.x - share.x * width, top: at.y - share.y * height, width, height },
    area,
    scale,
  );
  return zoomOf(placeZoomed(base, area, wanted), area, scale);
}

/** Moves the picture by CSS pixels, as far as its edges allow. */
export function panBy(zoom: Zoom, by: Point, base: Rect, area: Rect): Zoom {
  const placed = placeZoomed(base, area, zoom);
  const wanted = zoomOf({ ...placed, left: placed.left + by.x, top: placed.top + by.y }, area, zoom.scale);
  return zoomOf(placeZoomed(base, area, wanted), area, zoom.scale);
}

/** What two rectangles have in common. */
export function overlap(a: Rect, b: Rect): Rect {
  const left = Math.max(a.left, b.left);
  const top = Math.max(a.top, b.top);
  return {
    left,
    top,
    width: Math.max(0, Math.min(a.left + a.width, b.left + b.width) - left),
    height: Math.max(0, Math.min(a.top + a.height, b.top + b.height) - top),
  };
}
