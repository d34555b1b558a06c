/** Where a picture lies in its panel, and which pixel is under a point. Lengths in CSS pixels. */

export interface Size {
  width: number;
  height: number;
}

export interface Rect extends Size {
  left: number;
  top: number;
}

/** The largest rectangle of the picture's shape inside `outer`, centred, at least one pixel. */
export function contain(picture: Size, outer: Size): Rect {
  const scale = Math.min(
    outer.width / Math.max(picture.width, 1),
    outer.height / Math.max(picture.height, 1),
  );
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  return {
    left: Math.round((outer.width - width) / 2),
    top: Math.round((outer.height - height) / 2),
    width,
    height,
  };
}

export interface Point {
  x: number;
  y: number;
}

/** Continuous pixel coordinates (0 is the outer edge of the first pixel) of a point of the panel. */
export function toPixels(point: Point, rect: Rect, picture: Size): Point {
  return {
    x: ((point.x - rect.left) / rect.width) * picture.width,
    y: ((point.y - rect.top) / rect.height) * picture.height,
  };
}

/** The panel's point of continuous pixel coordinates. */
export function toPanel(point: Point, rect: Rect, picture: Size): Point {
  return {
    x: rect.left + (point.x / picture.width) * rect.width,
    y: rect.top + (point.y / picture.height) * rect.height,
  };
}

/** The whole pixel that holds continuous coordinates, kept inside the picture. */
export function pixelAt(point: Point, picture: Size): Point {
  return {
    x: clamp(Math.floor(point.x), 0, picture.width - 1),
    y: clamp(Math.floor(point.y), 0, picture.height - 1),
  };
}

export function isInside(point: Point, rect: Rect): boolean {
  return (
    point.x >= rect.left &&
    point.y >= rect.top &&
    point.x < rect.left + rect.width &&
    point.y < rect.top + rect.height
  );
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), Math.max(low, high));
}

/** Frame pixels per sample of a reduced picture whose last blocks may be partial. */
export function blockSize(full: Size, samples: Size): number {
  return Math.max(
    1,
    Math.ceil(full.width / Math.max(1, samples.width)),
    samples.height > 1 ? Math.ceil(full.height / samples.height) : 1,
  );
}

/** Pixels the samples span: a little more than the frame if the last blocks are partial. */
export function spanned(full: Size, samples: Size): Size {
  const block = blockSize(full, samples);
  return { width: samples.width * block, height: samples.height > 1 ? samples.height * block : full.height };
}

export interface Region {
  x0: number;
  y0: number;
  width: number;
  height: number;
}

/** The region of whole scan positions between two corners, both included. */
export function regionBetween(a: Point, b: Point): Region {
  const x0 = Math.min(a.x, b.x);
  const y0 = Math.min(a.y, b.y);
  return { x0, y0, width: Math.abs(a.x - b.x) + 1, height: Math.abs(a.y - b.y) + 1 };
}
