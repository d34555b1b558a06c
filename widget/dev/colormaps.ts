/**
 * How the cyclic and categorical colormaps of `src/render/colormaps.json` were made: lines and points of the colour space OKLab (Björn Ottosson,
 * 2020, in the public domain), in which equal steps look about equal. `test/colormaps.test.ts` compares the table.
 */

/** sRGB of a colour of OKLab, as `#rrggbb`; throws where no screen shows it. */
export function hexOf(lightness: number, a: number, b: number): string {
  const [l, m, s] = [
    lightness + 0.3963377774 * a + 0.2158037573 * b,
    lightness - 0.1055613458 * a - 0.0638541728 * b,
    lightness - 0.0894841775 * a - 1.291485548 * b,
  ].map((root) => root ** 3) as [number, number, number];
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  const bytes = linear.map((value) => {
    if (value < -0.0005 || value > 1.0005) {
      throw new RangeError(`OKLab ${lightness} ${a} ${b} is outside of sRGB`);
    }
    const inside = Math.min(1, Math.max(0, value));
    const coded = inside <= 0.0031308 ? 12.92 * inside : 1.055 * inside ** (1 / 2.4) - 0.055;
    return Math.round(255 * coded);
  });
  return `#${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

const STEPS = 36;

/** All hues, as light as each other and as colourful: no direction of a vector stands out. Red is 0. */
export function hues(): string[] {
  return Array.from({ length: STEPS + 1 }, (_, i) => {
    const hue = 2 * Math.PI * (i / STEPS) + HUE_OF_RED;
    return hexOf(HUES.lightness, HUES.chroma * Math.cos(hue), HUES.chroma * Math.sin(hue));
  });
}

const HUE_OF_RED = (29 * Math.PI) / 180;
const HUES = { lightness: 0.74, chroma: 0.125 };

/** From light through blue to dark and through red back: a phase of which 0 and half a period are told apart. */
export function twilight(): string[] {
  return Array.from({ length: STEPS + 1 }, (_, i) => {
    const turn = (2 * Math.PI * i) / STEPS;
    const lightness = 0.575 + 0.335 * Math.cos(turn);
    const side = Math.sin(turn);
    const [a, b] = side > 0 ? TWILIGHT.blue : TWILIGHT.red;
    return hexOf(lightness, a * Math.abs(side), b * Math.abs(side));
  });
}

const TWILIGHT = { blue: [-0.035, -0.115], red: [0.105, 0.055] } as const;

/** Colours for names: light and dark in turn, neighbours in the list far apart in hue. */
export function categories(): string[] {
  return Array.from({ length: 12 }, (_, i) => {
    const hue = 2 * Math.PI * (((i * 5) % 12) / 12) + HUE_OF_RED;
    const [lightness, chroma] = i % 2 === 0 ? [0.62, 0.1] : [0.82, 0.085];
    return hexOf(lightness, chroma * Math.cos(hue), chroma * Math.sin(hue));
  });
}
