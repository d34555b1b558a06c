/**
 * The marks of the scan position move with the pictures of a drag: to put them on the screen alone costs a browser as
 * much as to show a picture with them.
 */

import type { PanelContext } from "./registry";

/** Pictures that come faster than this follow each other. */
const FOLLOW_MS = 100;
/** The marks wait at most this long for one. */
const WAIT_MS = 50;

/** Runs `work` with the next picture, at once where none is on its way. */
export function withPictures(work: () => void, { view, signal }: PanelContext): () => void {
  let last = Number.NEGATIVE_INFINITY;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const run = (): void => {
    clearTimeout(waiting);
    waiting = undefined;
    work();
  };
  view.on(
    ["picture"],
    () => {
      last = performance.now();
      if (waiting !== undefined) {
        run();
      }
    },
    signal,
  );
  signal.addEventListener("abort", () => clearTimeout(waiting));
  return () => {
    if (performance.now() - last > FOLLOW_MS) {
      run();
    } else {
      waiting ??= setTimeout(run, WAIT_MS);
    }
  };
}
