/** What jsdom lacks: layout observers, canvases that draw, object URLs. */

import { setMaxListeners } from "node:events";

// Everything of a view hangs on one signal; Node takes more than ten listeners for a leak.
setMaxListeners(0);

class Observer {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
  takeRecords(): [] {
    return [];
  }
}

Object.assign(globalThis, { ResizeObserver: Observer, IntersectionObserver: Observer });
HTMLCanvasElement.prototype.getContext = (() => null) as typeof HTMLCanvasElement.prototype.getContext;
URL.createObjectURL = () => "blob:poster";
URL.revokeObjectURL = () => {};
