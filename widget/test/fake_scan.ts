/** What the kernel in the page has for data: patterns of a strained grain, spectra, and the maps of them. */

import { DETECTOR, deflectionAt, SCAN } from "./fixtures";

/** Deterministic noise, 0 to 1. */
export function noise(seed: number): number {
  const x = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d);
  return ((Math.imul(x ^ (x >>> 12), 0x297a2d39) ^ (x >>> 15)) >>> 0) / 2 ** 32;
}

/** Strain and rotation of the synthetic grain, smooth inside an ellipse, zero outside. */
export function strainAt(y: number, x: number): [number, number, number, number] {
  const u = (x - SCAN.nx * 0.58) / (SCAN.nx * 0.32);
  const v = (y - SCAN.ny * 0.52) / (SCAN.ny * 0.38);
  const inside = Math.max(0, 1 - (u * u + v * v)) ** 0.5;
  return [0.025 * inside * u, -0.018 * inside * v, 0.012 * inside * (u + v), 0.03 * inside];
}

/** Disk centres `[ky, kx, order]` at a scan position. */
export function latticeAt(y: number, x: number): [number, number, number][] {
  const [exx, eyy, exy, theta] = strainAt(y, x);
  const spots: [number, number, number][] = [];
  for (let h = -4; h <= 4; h++) {
    for (let k = -4; k <= 4; k++) {
      const [gx, gy] = [h * 17 + k * 5, k * 16 - h * 2];
      const kx = DETECTOR.nx / 2 + gx * (1 - exx) - gy * (exy - theta);
      const ky = DETECTOR.ny / 2 + gy * (1 - eyy) - gx * (exy + theta);
      if (kx > 3 && ky > 3 && kx < DETECTOR.nx - 4 && ky < DETECTOR.ny - 4) {
        spots.push([ky, kx, Math.hypot(h, k)]);
      }
    }
  }
  return spots;
}

export function pattern(y: number, x: number, background: boolean): Float32Array {
  const pixels = new Float32Array(DETECTOR.ny * DETECTOR.nx);
  const spots = latticeAt(y, x);
  for (let ky = 0; ky < DETECTOR.ny; ky++) {
    for (let kx = 0; kx < DETECTOR.nx; kx++) {
      const r = Math.hypot(ky - DETECTOR.ny / 2, kx - DETECTOR.nx / 2);
      let value = background ? 220 * Math.exp(-r / 22) + 12 : 0;
      for (const [cy, cx, order] of spots) {
        const edge = 4.2 - Math.hypot(ky - cy, kx - cx);
        value += (order === 0 ? 900 : 260 * Math.exp(-order / 2)) * Math.min(1, Math.max(0, edge));
      }
      const random = noise(((y * 57 + x) * DETECTOR.ny + ky) * DETECTOR.nx + kx) - 0.5;
      pixels[ky * DETECTOR.nx + kx] = Math.max(
        background ? 0 : -40,
        value + random * 2 * Math.sqrt(value + 4),
      );
    }
  }
  return pixels;
}

/** One image of the strain map, NaN below what is computed. */
export function mapImage(component: number, complete: number): Float32Array {
  const pixels = new Float32Array(SCAN.ny * SCAN.nx).fill(Number.NaN);
  for (let i = 0; i < Math.floor(pixels.length * complete); i++) {
    const [y, x] = [Math.floor(i / SCAN.nx), i % SCAN.nx];
    const [exx, eyy, exy, theta] = strainAt(y, x);
    const values = [exx, eyy, exy, theta, 1 - noise(i) * 0.1, noise(i) * 0.08];
    pixels[i] = (values[component] ?? 0) + (component < 3 ? (noise(i + 7) - 0.5) * 0.001 : 0);
  }
  return pixels;
}

export function deflectionImage(component: number): Float32Array {
  return Float32Array.from({ length: SCAN.ny * SCAN.nx }, (_, i) => {
    return deflectionAt(Math.floor(i / SCAN.nx), i % SCAN.nx)[component] ?? Number.NaN;
  });
}

export function spectrum(y: number, x: number): Uint16Array {
  return Uint16Array.from({ length: 1024 }, (_, i) => {
    const edge = i > 400 ? 380 * Math.exp(-(i - 400) / 160) * (0.4 + x / SCAN.nx) : 0;
    const value = 2600 * (1 + i / 90) ** -1.6 + edge + (i > 640 ? 160 * Math.exp(-(i - 640) / 90) : 0);
    return value + Math.sqrt(value) * (noise((y * 57 + x) * 1024 + i) - 0.5) * 3;
  });
}
