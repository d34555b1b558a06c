/** Arrow keys in scan space, the same in every picture of the scan. */

import type { Session } from "../state/session";

const STEPS: Record<string, readonly [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
const LONG_STEP = 10;

/** Moves through the scan; returns whether the key was one of ours. */
export function moveByKey(event: KeyboardEvent, session: Session): boolean {
  const step = STEPS[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) {
    return false;
  }
  const length = event.shiftKey ? LONG_STEP : 1;
  session.moveBy(step[0] * length, step[1] * length);
  event.preventDefault();
  return true;
}
