/** Pictures that were drawn lately, so that moving back costs nothing. */

import type { Samples } from "../protocol/buffers";
import type { FrameReply } from "../protocol/generated";

export interface Picture {
  reply: FrameReply;
  samples: Samples;
  /** Rows `ky, kx, intensity, score`, or none. */
  peaks: Float32Array | null;
}

const BUDGET_BYTES = 64 * 1024 * 1024;

export class FrameCache {
  #pictures = new Map<string, Picture>();
  #bytes = 0;
  #budget: number;

  constructor(budgetBytes = BUDGET_BYTES) {
    this.#budget = budgetBytes;
  }

  static key(
    node: number,
    revision: number,
    index: readonly number[],
    component: number,
    size: readonly [number, number],
  ): string {
    return `${node}@${revision}:${index.join(",")}:${component}:${size.join("x")}`;
  }

  get(key: string): Picture | null {
    const picture = this.#pictures.get(key);
    if (picture) {
      this.#pictures.delete(key);
      this.#pictures.set(key, picture);
    }
    return picture ?? null;
  }

  put(key: string, picture: Picture): void {
    this.#remove(key);
    this.#pictures.set(key, picture);
    this.#bytes += bytesOf(picture);
    for (const oldest of this.#pictures.keys()) {
      if (this.#bytes <= this.#budget || oldest === key) {
        break;
      }
      this.#remove(oldest);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  #remove(key: string): void {
    const picture = this.#pictures.get(key);
    if (picture) {
      this.#bytes -= bytesOf(picture);
      this.#pictures.delete(key);
    }
  }
}

function bytesOf(picture: Picture): number {
  return picture.samples.byteLength + (picture.peaks?.byteLength ?? 0);
}
