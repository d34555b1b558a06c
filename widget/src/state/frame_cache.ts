/** Pictures that were drawn lately, so that moving back costs nothing. */

import type { Picture } from "./picture";

const BUDGET_BYTES = 64 * 1024 * 1024;

export class FrameCache {
  #pictures = new Map<string, Picture>();
  #bytes = 0;
  #budget: number;

  constructor(budgetBytes = BUDGET_BYTES) {
    this.#budget = budgetBytes;
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
    this.#bytes += picture.bytes;
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
      this.#bytes -= picture.bytes;
      this.#pictures.delete(key);
    }
  }
}
