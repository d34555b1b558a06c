// Scans to drag through: 16-bit patterns with a bright centre, a ring and counting noise, as `.npy`.

import { closeSync, existsSync, openSync, statSync, writeSync } from "node:fs";

/** Scan positions for each size of frame: more than the page keeps, so that a drag always asks. */
const SCANS = { 128: [64, 96], 256: [48, 64], 512: [24, 40] };
/** The pattern moves by at most this share of the frame over the scan. */
const MARGIN = 1 / 16;

export const shapeOf = (pixels) => [...SCANS[pixels], pixels, pixels];

/** Writes the scan unless it is there; every frame has other pixels. */
export function ensureScan(file, pixels) {
  const shape = shapeOf(pixels);
  const header = npyHeader(shape);
  const bytes = header.length + shape.reduce((product, length) => product * length, 2);
  if (existsSync(file) && statSync(file).size === bytes) {
    return;
  }
  const random = numbers(pixels);
  const noise = Float32Array.from({ length: 1 << 16 }, () => random() + random() + random() - 1.5);
  const margin = pixels * MARGIN;
  const pattern = makePattern(pixels, margin);
  const frame = new Uint16Array(pixels * pixels);
  const [rows, columns] = shape;
  const handle = openSync(file, "w");
  writeSync(handle, header);
  for (let position = 0; position < rows * columns; position += 1) {
    const top = Math.floor((position * margin) / (rows * columns));
    const left = Math.floor(((position % columns) * margin) / columns);
    fill(frame, pixels, pattern, [top, left], noise, position * 9973);
    writeSync(handle, new Uint8Array(frame.buffer));
  }
  closeSync(handle);
}

/** Mean counts of a central disk and one ring on a square larger than the frame, and their spread. */
function makePattern(pixels, margin) {
  const width = pixels + margin;
  const mean = new Float32Array(width * width);
  for (let at = 0; at < mean.length; at += 1) {
    const [y, x] = [Math.floor(at / width), at % width];
    const radius = Math.hypot(y - width * 0.52, x - width * 0.49) / pixels;
    mean[at] = 20 + 2000 * Math.exp(-30 * radius) + 300 * Math.exp(-(((radius - 0.28) * 60) ** 2));
  }
  return { mean, spread: mean.map(Math.sqrt), width };
}

function fill(frame, pixels, { mean, spread, width }, [top, left], noise, start) {
  for (let y = 0, at = 0; y < pixels; y += 1) {
    for (let x = 0, from = (top + y) * width + left; x < pixels; x += 1, at += 1, from += 1) {
      frame[at] = Math.max(0, mean[from] + spread[from] * noise[(start + at * 7) & 0xffff]);
    }
  }
}

/** Reproducible numbers from 0 to 1. */
function numbers(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function npyHeader(shape) {
  const text = `{'descr': '<u2', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  const padded = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const start = [0x93, ...Buffer.from("NUMPY"), 1, 0, padded.length & 255, padded.length >> 8];
  return Buffer.concat([Buffer.from(start), Buffer.from(padded)]);
}
