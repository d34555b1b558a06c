/** A layout for tests of what is dragged over a picture: every surface shows three CSS pixels per detector pixel. */

import { afterEach, beforeEach, vi } from "vitest";
import { DETECTOR, SCAN } from "./fixtures";

const SURFACE = { width: DETECTOR.nx * 3, height: DETECTOR.ny * 3 };
const NAVIGATOR_SCALE = Math.min(SURFACE.width / SCAN.nx, SURFACE.height / SCAN.ny);

/** For each test of a file: every element has the size of a surface, and says so when it is observed. */
export function eachLaidOut(): void {
  beforeEach(() => {
    vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(SURFACE.width);
    vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(SURFACE.height);
    vi.stubGlobal(
      "ResizeObserver",
      class {
        #run: () => void;
        constructor(run: () => void) {
          this.#run = run;
        }
        observe(): void {
          this.#run();
        }
        disconnect(): void {}
      },
    );
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });
}

/** What receives the pointer over the pattern, which may lie beside the image of its detector. */
export function patternOf(element: HTMLElement): HTMLElement {
  const pane = element.querySelector(".st-companion") ?? element;
  return pane.querySelector("[data-st=signal-canvas]") as HTMLElement;
}

/** CSS pixels of a place in the scan, in the navigator or a map. */
export const scanPlace = (column: number, row: number): [number, number] => [
  (SURFACE.width - SCAN.nx * NAVIGATOR_SCALE) / 2 + column * NAVIGATOR_SCALE,
  (SURFACE.height - SCAN.ny * NAVIGATOR_SCALE) / 2 + row * NAVIGATOR_SCALE,
];

/** A pointer event at CSS pixels of its target. */
export function pointer(element: HTMLElement, type: string, x: number, y: number): void {
  const event = new MouseEvent(`pointer${type}`, { bubbles: true, cancelable: true, button: 0 });
  Object.defineProperties(event, { clientX: { value: x }, clientY: { value: y }, pointerId: { value: 1 } });
  element.dispatchEvent(event);
}
