/** Which samples of a frame a canvas needs: what is seen of it, not finer than the canvas. */

import { clamp, contain, type Region, type Size } from "./fit";
import { overlap, placeZoomed, type Zoom } from "./zoom";

/** Samples may be finer than the canvas by less than this; the browser scales them. */
const OVERSAMPLING = 1.5;
/** Frames that are no larger than this in samples are sent whole: zooming and moving them asks for nothing. */
const WHOLE_SAMPLES = 512 * 512;
/** Most samples of a picture that is shown smaller than it is. */
const MAX_SAMPLES = 1024 * 1024;
/** PartRequest for beyond each edge of what is seen, as a share of it: to be moved a little without asking. */
const ROOM = 0.25;
/** Edges of what is asked for lie on a grid of about this share of it, so that pictures are found again. */
const GRID = 1 / 8;
/** Before the size of the canvas is known. */
const UNKNOWN_PX = 512;

export interface PartRequest {
  size_px: [number, number];
  part?: Region;
}

export interface Need {
  request: PartRequest;
  /** What is seen of the frame. */
  seen: Region;
  /** Pixels per sample along each axis. */
  block: number;
}

/** `canvas`: device pixels. `moving`: the next picture comes soon; only what is seen is asked for. */
export function needOf(canvas: readonly [number, number], frame: Size, zoom: Zoom, moving: boolean): Need {
  const whole = { x0: 0, y0: 0, ...frame };
  const outer = { width: canvas[0], height: canvas[1] };
  if (frame.height === 1 || frame.width === 1) {
    // A line is drawn across the canvas, whichever way it runs.
    const length =
      canvas[0] > 0 ? OVERSAMPLING * canvas[0] * 2 ** Math.ceil(Math.log2(zoom.scale)) : UNKNOWN_PX;
    const [width, height] = [frame.width, frame.height].map((size) => Math.min(size, Math.ceil(length)));
    return { request: { size_px: [width ?? 1, height ?? 1] }, seen: whole, block: 1 };
  }
  if (!(outer.width > 0 && outer.height > 0)) {
    const size_px: [number, number] = [Math.min(UNKNOWN_PX, frame.width), Math.min(UNKNOWN_PX, frame.height)];
    return { request: { size_px }, seen: whole, block: 1 };
  }
  const area = { left: 0, top: 0, ...outer };
  const rect = placeZoomed(contain(frame, outer), area, zoom);
  const { left, top, width, height } = overlap(rect, area);
  const scale = rect.width / frame.width;
  const across = [(left - rect.left) / scale, (left - rect.left + width) / scale] as const;
  const down = [(top - rect.top) / scale, (top - rect.top + height) / scale] as const;
  const within = (room: number, onGrid: boolean): Region => {
    const [x0, x1] = widened(across, frame.width, room, onGrid);
    const [y0, y1] = widened(down, frame.height, room, onGrid);
    return { x0, y0, width: x1 - x0, height: y1 - y0 };
  };
  const seen = within(0, false);
  const part = within(moving ? 0 : ROOM, true);
  let block = Math.max(1, Math.ceil(1 / (OVERSAMPLING * scale) - 1e-6));
  while (block * scale < 1 && count(part, block) > MAX_SAMPLES) {
    block += 1;
  }
  if (count(frame, block) <= WHOLE_SAMPLES || (part.width === frame.width && part.height === frame.height)) {
    return { request: { size_px: samples(frame, block) }, seen, block };
  }
  return { request: { size_px: samples(part, block), part }, seen, block };
}

/** Whole pixels around `[first, end)`, with room on both sides as a share of it. */
function widened(
  [first, end]: readonly [number, number],
  full: number,
  room: number,
  onGrid: boolean,
): [number, number] {
  const length = end - first;
  const grid = onGrid ? 2 ** Math.max(0, Math.ceil(Math.log2(length * GRID))) : 1;
  // Rounding errors of the zoom are no pixels.
  const start = Math.floor((first - room * length) / grid + 1e-6) * grid;
  const stop = Math.ceil((end + room * length) / grid - 1e-6) * grid;
  const from = clamp(start, 0, full - 1);
  return [from, clamp(stop, from + 1, full)];
}

function samples({ width, height }: Size, block: number): [number, number] {
  return [Math.ceil(width / block), Math.ceil(height / block)];
}

function count(size: Size, block: number): number {
  const [width, height] = samples(size, block);
  return width * height;
}

/** Whether all of a part is among the pixels of another. */
export function covers(whole: Region, part: Region): boolean {
  return (
    whole.x0 <= part.x0 &&
    whole.y0 <= part.y0 &&
    whole.x0 + whole.width >= part.x0 + part.width &&
    whole.y0 + whole.height >= part.y0 + part.height
  );
}
