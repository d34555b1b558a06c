/** Keys that move in scan space, the same in every picture of the scan. */

import type { Session } from "../state/session";

const STEPS: Record<string, readonly [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
const LONG_STEP = 10;

/** Rows and columns by which an arrow key moves what it moves, ten times as many with Shift; `null` of other keys. */
export function stepOf({ key, shiftKey }: KeyboardEvent): readonly [number, number] | null {
  const [rows, columns] = STEPS[key] ?? [0, 0];
  const length = shiftKey ? LONG_STEP : 1;
  return key in STEPS ? [rows * length, columns * length] : null;
}

/** Moves through the scan; returns whether the key was one of ours. */
export function moveByKey(event: KeyboardEvent, session: Session): boolean {
  if (event.metaKey || event.altKey || session.state.position.length === 0) {
    return false;
  }
  const moved = event.ctrlKey ? toCorner(event.key, session) : move(event, session);
  if (moved) {
    event.preventDefault();
  }
  return moved;
}

function move(event: KeyboardEvent, session: Session): boolean {
  const { key, shiftKey } = event;
  const { position } = session.state;
  const step = stepOf(event);
  if (step) {
    session.moveBy(...step);
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
  const { position } = session.state;
  if (key !== "Home" && key !== "End") {
    return false;
  }
  const end = key === "Home" ? 0 : Number.MAX_SAFE_INTEGER;
  session.moveTo(position.map((index, axis) => (axis < position.length - 2 ? index : end)));
  return true;
}
