/** Keys that move in scan space, the same in every picture of the scan. */

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
  if (event.metaKey || event.altKey || session.store.value.position.length === 0) {
    return false;
  }
  const moved = event.ctrlKey ? toCorner(event.key, session) : move(event, session);
  if (moved) {
    event.preventDefault();
  }
  return moved;
}

function move({ key, shiftKey }: KeyboardEvent, session: Session): boolean {
  const { position } = session.store.value;
  const step = STEPS[key];
  if (step) {
    const length = shiftKey ? LONG_STEP : 1;
    session.moveBy(step[0] * length, step[1] * length);
  } else if (key === "Home" || key === "End") {
    // Along the row, or a series.
    session.moveTo(position.with(-1, key === "Home" ? 0 : Number.MAX_SAFE_INTEGER));
  } else if (key === "PageUp" || key === "PageDown") {
    // The axis before the rows; with Shift the one before that.
    const axis = position.length - (shiftKey ? 4 : 3);
    if (axis < 0) {
      return false;
    }
    session.moveTo(position.with(axis, (position[axis] ?? 0) + (key === "PageUp" ? -1 : 1)));
  } else {
    return false;
  }
  return true;
}

/** The first or last position of the plane that is shown. */
function toCorner(key: string, session: Session): boolean {
  const { position } = session.store.value;
  if (key !== "Home" && key !== "End") {
    return false;
  }
  const end = key === "Home" ? 0 : Number.MAX_SAFE_INTEGER;
  session.moveTo(position.map((index, axis) => (axis < position.length - 2 ? index : end)));
  return true;
}
