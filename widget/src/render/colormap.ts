/** Colormaps as short tables of control points, interpolated linearly in sRGB. */

export interface Colormap {
  name: string;
  title: string;
  /** `#rrggbb`, evenly spaced. */
  points: readonly string[];
  /** For values on both sides of zero. */
  diverging?: boolean;
}

/** In the order of the menu. */
export const COLORMAPS: readonly Colormap[] = [
  { name: "gray", title: "Gray", points: ["#000000", "#ffffff"] },
  { name: "gray_inverted", title: "Gray, inverted", points: ["#ffffff", "#000000"] },
  {
    name: "viridis",
    title: "Viridis",
    points: [
      "#440154",
      "#472d7b",
      "#3b528b",
      "#2c728e",
      "#21918c",
      "#28ae80",
      "#5ec962",
      "#addc30",
      "#fde725",
    ],
  },
  {
    name: "magma",
    title: "Magma",
    points: [
      "#000004",
      "#180f3d",
      "#440f76",
      "#721f81",
      "#9e2f7f",
      "#cd4071",
      "#f1605d",
      "#fd9668",
      "#feca8d",
      "#fcfdbf",
    ],
  },
  {
    name: "inferno",
    title: "Inferno",
    points: [
      "#000004",
      "#1b0c41",
      "#4a0c6b",
      "#781c6d",
      "#a52c60",
      "#cf4446",
      "#ed6925",
      "#fb9b06",
      "#f7d13d",
      "#fcffa4",
    ],
  },
  {
    name: "diverging",
    title: "Blue to red",
    points: [
      "#16305f",
      "#3a6fb0",
      "#8cb3dc",
      "#d5e3ef",
      "#f5f4f1",
      "#f2d7ca",
      "#e39c83",
      "#c34f3e",
      "#701322",
    ],
    diverging: true,
  },
  {
    name: "diverging_dark",
    title: "Blue to orange, dark middle",
    points: [
      "#8fd0ff",
      "#3f8fd2",
      "#1f4f86",
      "#14263d",
      "#101014",
      "#3d2412",
      "#8a4d16",
      "#d98632",
      "#ffd28f",
    ],
    diverging: true,
  },
];

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

/** The map as a CSS gradient, low values first. */
export function gradient(map: Colormap, direction = "to right"): string {
  return `linear-gradient(${direction}, ${map.points.join(", ")})`;
}
