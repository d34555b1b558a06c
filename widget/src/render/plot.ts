/** A spectrum or line scan as a line with calibrated ticks. */

import { type Along, indexAt, ticks, tickTexts, valueAt } from "../geometry/axes";
import type { Rect, Size } from "../geometry/fit";
import type { Writing } from "../geometry/units";
import type { Samples } from "../protocol/buffers";
import type { AxisDescription } from "../protocol/generated";
import { line } from "./overlay";

/** Side of a lone sample. */
const DOT = 3;
const MARGIN = { left: 48, right: 12, top: 12, bottom: 36 };

export function plotArea(outer: Size): Rect {
  return {
    left: MARGIN.left,
    top: MARGIN.top,
    width: Math.max(1, outer.width - MARGIN.left - MARGIN.right),
    height: Math.max(1, outer.height - MARGIN.top - MARGIN.bottom),
  };
}

/** Least and greatest finite sample with some room; zero is shown where it is near. */
export function plotRange(samples: Samples): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of samples) {
    if (Number.isFinite(value)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (!(low <= high)) {
    return [0, 1];
  }
  if (low > 0 && low < high * 0.5) {
    low = 0;
  }
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  return [low === 0 ? 0 : low - room, high + room];
}

export interface Line {
  samples: Samples;
  axis: AxisDescription | null;
  writing: Writing;
  along: Along;
  /** Pixels of the axis that the samples span; each stands for some of them. */
  pixels: number;
}

/** Draws what lies in `area` of the line that spans `whole`. */
export function drawPlot(
  context: CanvasRenderingContext2D,
  area: Rect,
  whole: Rect,
  { samples, axis, writing, along, pixels }: Line,
  style: CSSStyleDeclaration,
): void {
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const block = pixels / samples.length;
  const pixelAt = (x: number): number => along.pixel((x - whole.left) / whole.width);
  const xOf = (pixel: number): number => whole.left + along.share(pixel) * whole.width;
  const first = Math.max(0, Math.floor(pixelAt(area.left) / block + 1e-9));
  const last = Math.min(samples.length, Math.ceil(pixelAt(area.left + area.width) / block - 1e-9));
  const [low, high] = plotRange(samples.subarray(first, last));
  const x = (i: number): number => xOf((i + 0.5) * block);
  const y = (value: number): number => area.top + area.height * (1 - (value - low) / (high - low));

  context.font = "10px system-ui, sans-serif";
  context.lineWidth = 1;
  context.strokeStyle = colour("--st-line");
  context.fillStyle = colour("--st-muted");
  context.textBaseline = "middle";
  context.textAlign = "right";
  const { factor, units } = writing;
  const levels = ticks(low * factor, high * factor, 4);
  const texts = tickTexts(levels);
  for (const [i, tick] of levels.entries()) {
    const at = y(tick / factor);
    context.beginPath();
    line(context, area.left, Math.round(at) + 0.5, area.left + area.width, Math.round(at) + 0.5);
    context.stroke();
    context.fillText(texts[i] ?? "", area.left - 6, at);
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  if (axis?.names?.length) {
    for (const { at, name } of nameTicks(
      axis.names,
      Math.ceil(first * block),
      Math.min(axis.size, last * block),
      area.width,
    )) {
      context.fillText(name, xOf(at + 0.5), area.top + area.height + 5);
    }
    context.fillText(axis.name, area.left + area.width / 2, area.top + area.height + 20);
  } else if (axis && axis.scale !== 0) {
    const ends = [valueAt(axis, first * block), valueAt(axis, Math.min(axis.size, last * block) - 1)];
    const places = ticks(Math.min(...ends), Math.max(...ends), 6);
    const names = tickTexts(places);
    for (const [at, tick] of places.entries()) {
      context.fillText(names[at] ?? "", xOf(indexAt(axis, tick) + 0.5), area.top + area.height + 5);
    }
    const name = axis.units === "" ? axis.name : `${axis.name} (${axis.units})`;
    context.fillText(name, area.left + area.width / 2, area.top + area.height + 20);
  }
  if (units !== "") {
    context.textAlign = "left";
    context.fillText(units, area.left + 4, area.top);
  }

  context.strokeStyle = colour("--st-accent");
  context.fillStyle = context.strokeStyle;
  context.lineWidth = 1.25;
  context.save();
  context.beginPath();
  context.rect(area.left, area.top, area.width, area.height);
  context.clip();
  context.beginPath();
  let drawing = false;
  // One sample more on each side, for the line to reach the edges.
  for (let i = Math.max(0, first - 1); i < Math.min(samples.length, last + 1); i++) {
    const value = samples[i] as number;
    if (!Number.isFinite(value)) {
      drawing = false;
    } else if (!drawing && !Number.isFinite(samples[i + 1])) {
      // Without neighbours there is no line to be seen.
      context.fillRect(x(i) - DOT / 2, y(value) - DOT / 2, DOT, DOT);
    } else if (drawing) {
      context.lineTo(x(i), y(value));
    } else {
      context.moveTo(x(i), y(value));
      drawing = true;
    }
  }
  context.stroke();
  context.restore();
}

/** Pixels of the page that a name below a plot has for itself. */
const NAME_ROOM = 48;

/** The names of an axis from one index to before another that stand below a plot so wide: all, or one in so many that they have room. */
export function nameTicks(
  names: readonly string[],
  from: number,
  to: number,
  width: number,
): { at: number; name: string }[] {
  const step = Math.max(1, Math.ceil(((to - from) * NAME_ROOM) / Math.max(width, 1)));
  return names
    .map((name, at) => ({ at, name }))
    .filter(({ at }) => at >= from && at < to && (at - from) % step === 0);
}
