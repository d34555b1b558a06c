/** The wheel, the keys + − 0 and dragging with Shift choose which part of a picture is seen. */

import { h, listen, setHidden } from "../dom";
import { isInside, type Point } from "../geometry/fit";
import { WHOLE } from "../geometry/zoom";
import type { Surface } from "../render/surface";
import type { Session } from "../state/session";
import type { Drag } from "./layers";

/** Pixels of the wheel that double the size. */
const WHEEL_DOUBLE = 240;
const LINE_PX = 16;
const KEY_FACTOR = Math.SQRT2;

export interface Zooming {
  /** Whether the key was one of ours. */
  key(event: KeyboardEvent): boolean;
  /** Moves the picture with the pointer. */
  pan(event: PointerEvent): Drag;
  /** Whether a press is for moving the picture whatever it lies on. */
  isPan(event: PointerEvent): boolean;
  /** Follows the zoom of the shape that is shown. */
  follow(): void;
  /** Brings a point of the picture, in pixels, into what is seen. */
  reveal(at: Point): void;
}

/** `shape`: the name under which pictures are zoomed together; `null` while there is none. */
export function zooming(
  surface: Surface,
  shape: () => string | null,
  session: Session,
  signal: AbortSignal,
): Zooming {
  const canvas = surface.overlay;
  const badge = h("button", {
    class: "st-zoom",
    hidden: true,
    title: "Show the whole picture (0)",
    "data-st": "zoom-reset",
  });
  surface.element.append(badge);

  const step = (factor: number, at: Point): void => {
    const name = shape();
    if (name !== null) {
      session.setZoom(name, surface.zoomed(factor, at));
    }
  };
  const reset = (): void => {
    const name = shape();
    if (name !== null && surface.zoom !== WHOLE) {
      session.setZoom(name, WHOLE);
    }
  };
  const follow = (): void => {
    const name = shape();
    surface.zoom = name === null ? WHOLE : session.zoomOf(name);
    const { scale } = surface.zoom;
    setHidden(badge, scale === 1);
    const text = `${scale < 10 ? scale.toFixed(1) : Math.round(scale)}×`;
    if (badge.textContent !== text) {
      badge.textContent = text;
      badge.setAttribute("aria-label", `Zoomed ${text}; show the whole picture`);
    }
  };
  listen(badge, "click", reset, signal);
  session.store.on(["zoom"], follow, signal);

  canvas.addEventListener(
    "wheel",
    (event) => {
      // A notebook is scrolled over its pictures: only one that was chosen takes the wheel.
      const chosen = canvas.ownerDocument.activeElement === canvas || event.ctrlKey || event.metaKey;
      const at = surface.pointOf(event);
      if (!chosen || !isInside(at, surface.visible) || (event.deltaY > 0 && surface.zoom.scale === 1)) {
        return;
      }
      const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PX : 1);
      // A pinch arrives as small steps with Ctrl.
      const pace = event.ctrlKey && Math.abs(pixels) < 40 ? 4 : 1;
      step(2 ** ((-pixels * pace) / WHEEL_DOUBLE), at);
      // Whoever zooms goes on with the keys.
      canvas.focus({ preventScroll: true });
      event.preventDefault();
    },
    { passive: false, signal },
  );
  listen(canvas, "dblclick", reset, signal);

  return {
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) {
        return false;
      }
      const { width, height } = surface.outer;
      const middle = { x: width / 2, y: height / 2 };
      if (event.key === "+" || event.key === "=") {
        step(KEY_FACTOR, middle);
      } else if (event.key === "-") {
        step(1 / KEY_FACTOR, middle);
      } else if (event.key === "0") {
        reset();
      } else {
        return false;
      }
      event.preventDefault();
      return true;
    },
    isPan: (event) =>
      surface.zoom.scale > 1 && (event.button === 1 || (event.button === 0 && event.shiftKey)),
    pan(start) {
      let last = { x: start.clientX, y: start.clientY };
      canvas.classList.add("st-panning");
      return {
        move(_, event) {
          const name = shape();
          const by = { x: event.clientX - last.x, y: event.clientY - last.y };
          last = { x: event.clientX, y: event.clientY };
          if (name !== null) {
            session.setZoom(name, surface.panned(by));
          }
        },
        end: () => canvas.classList.remove("st-panning"),
      };
    },
    follow,
    reveal(at) {
      const name = shape();
      const { width, height } = surface.span;
      if (name !== null && surface.zoom.scale > 1 && !isInside(surface.at(at.x, at.y), surface.visible)) {
        const share = { x: at.x / width, y: at.y / height };
        session.setZoom(name, { ...surface.zoom, ...(surface.isColumn ? { x: share.y } : share) });
      }
    },
  };
}
