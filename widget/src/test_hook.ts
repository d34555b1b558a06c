/** What a browser test may read: `globalThis.__signaltree_test`. */

export interface Timing {
  /** `performance.now()` of the request, of its reply and of the end of drawing. */
  request: number;
  reply: number;
  drawn: number;
  generation: number;
}

export interface DrawnFrame {
  node: number;
  index: number[];
  component: number;
  generation: number;
  revision: number;
  complete: number;
  exact: boolean;
  draft: boolean;
  /** Width and height of the samples that came. */
  size: [number, number];
  peaks: number | null;
  /** Computed when read. */
  readonly checksum: number;
}

export interface TestHook {
  /** The last frames, oldest first. */
  timings: Timing[];
  frame: DrawnFrame | null;
  /** State of the view that was rendered last. */
  state: () => unknown;
}

const RING = 512;

const hook: TestHook = { timings: [], frame: null, state: () => null };

/** The state of each viewer is also at its own element: `__signaltree_state`. */
export function installTestHook(root: HTMLElement, state: () => unknown): void {
  hook.state = state;
  Object.assign(root, { __signaltree_state: state });
  Object.assign(globalThis, { __signaltree_test: hook });
}

export function recordTiming(timing: Timing): void {
  hook.timings.push(timing);
  if (hook.timings.length > RING) {
    hook.timings.shift();
  }
}

export function recordFrame(frame: DrawnFrame): void {
  hook.frame = frame;
}
