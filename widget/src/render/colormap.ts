/** Colormaps as short tables of control points, interpolated linearly in sRGB. */

import table from "./colormaps.json";

export interface Colormap {
  name: string;
  title: string;
  /** `#rrggbb`, evenly spaced. */
  points: readonly string[];
  /** The values it is for: diverging ones lie on both sides of zero, cyclic ones come back, categories have names. */
  kind: "sequential" | "diverging" | "cyclic" | "categorical";
}

/** In the order of the menu; the kernel draws its figures with the same table. */
export const COLORMAPS = table as readonly Colormap[];

export function colormapNamed(name: string): Colormap {
  return COLORMAPS.find((map) => map.name === name) ?? (COLORMAPS[0] as Colormap);
}

function channels(point: string): [number, number, number] {
  const value = Number.parseInt(point.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** `size` colours as opaque RGBA words in the byte order of ImageData. */
export function colours(map: Colormap, size: number): Uint32Array {
  const points = map.points.map(channels);
  const table = new Uint32Array(size);
  const bytes = new Uint8ClampedArray(table.buffer);
  for (let i = 0; i < size; i++) {
    const t = (i / Math.max(1, size - 1)) * (points.length - 1);
    const low = Math.min(points.length - 2, Math.floor(t));
    const [a, b] = [points[low], points[low + 1]];
    for (let channel = 0; channel < 3; channel++) {
      const [from, to] = [a?.[channel] ?? 0, b?.[channel] ?? 0];
      bytes[i * 4 + channel] = from + (to - from) * (t - low);
    }
    bytes[i * 4 + 3] = 255;
  }
  return table;
}

/** The colour of a category; beyond the last they begin anew. */
export function categoryColour(map: Colormap, number: number): string {
  return map.points[number % map.points.length] ?? "#000000";
}

/** The map as a CSS gradient, low values first. */
export function gradient(map: Colormap, direction = "to right"): string {
  return `linear-gradient(${direction}, ${map.points.join(", ")})`;
}
