/** A small dialog or menu beside the button that opens it. */

import { h, listen, setAttributes } from "../dom";

export interface Popover {
  readonly element: HTMLElement;
  /** Closes it; the focus goes back to the button if it was inside. */
  close(): void;
}

/** Makes its content. The signal is aborted when it closes. */
export type Fill = (popover: Popover, signal: AbortSignal) => readonly Node[];

const FOCUSABLE = "input, select, button, [tabindex]";
/** Marks what gets the focus instead of the first element that can have it. */
export const FIRST = "data-first";
/** The least height it has, and its distance from the rim of the viewer. */
const LEAST_PX = 120;
const MARGIN_PX = 8;

/** What a button does that opens a popover and closes it again. */
export function opensPopover(...options: Parameters<typeof openPopover>): { toggle(): void; close(): void } {
  let open: Popover | null = null;
  const close = (): void => open?.close();
  return {
    toggle() {
      if (open?.element.isConnected) {
        close();
      } else {
        open = openPopover(...options);
      }
    },
    close,
  };
}

/**
 * Opens it inside `host`, whose nearest positioned ancestor places it. Escape, a press outside and the focus
 * leaving it close it.
 */
export function openPopover(
  host: HTMLElement,
  button: HTMLElement,
  label: string,
  name: string,
  fill: Fill,
  outer: AbortSignal,
  role: "dialog" | "menu" = "dialog",
): Popover {
  const closing = new AbortController();
  const signal = AbortSignal.any([outer, closing.signal]);
  const page = host.ownerDocument;
  const element = h("div", {
    class: role === "menu" ? "st-popover st-menu" : "st-popover",
    role,
    tabindex: -1,
    "aria-label": label,
    "data-st": name,
  });
  const end = (): void => {
    closing.abort();
    element.remove();
    setAttributes(button, { "aria-expanded": "false" });
  };
  const popover: Popover = {
    element,
    close() {
      if (closing.signal.aborted) {
        return;
      }
      const inside = element.contains(page.activeElement);
      end();
      if (inside) {
        focusNear(button);
      }
    },
  };
  const root = host.closest<HTMLElement>(".signaltree") ?? host;
  const isOurs = (target: EventTarget | null): boolean =>
    target instanceof Node && (element.contains(target) || button.contains(target));

  element.append(...fill(popover, signal));
  page.addEventListener(
    "keydown",
    (event) => {
      const { target } = event;
      // Of another part of the page only while nothing there has the focus.
      const heard = target === page.body || (target instanceof Node && root.contains(target));
      if (event.key === "Escape" && heard) {
        popover.close();
        event.preventDefault();
        event.stopPropagation();
      }
    },
    { capture: true, signal },
  );
  page.addEventListener("pointerdown", ({ target }) => isOurs(target) || end(), { capture: true, signal });
  listen(
    element,
    "focusout",
    ({ relatedTarget }) => {
      if (relatedTarget !== null && !isOurs(relatedTarget)) {
        end();
      }
    },
    signal,
  );
  listen(outer, "abort", end, closing.signal);
  host.append(element);
  keepInside(element, root);
  setAttributes(button, { "aria-expanded": "true" });
  const first =
    element.querySelector<HTMLElement>(`[${FIRST}]`) ?? element.querySelector<HTMLElement>(FOCUSABLE);
  (first ?? element).focus({ preventScroll: true });
  return popover;
}

/** The button, or the picture if the button is not to be seen. */
function focusNear(button: HTMLElement): void {
  button.focus({ preventScroll: true });
  if (button.ownerDocument.activeElement !== button) {
    const picture = button.closest(".signaltree")?.querySelector<HTMLElement>("[data-st=signal-canvas]");
    picture?.focus({ preventScroll: true });
  }
}

/** Keeps it inside the viewer: what does not fit is scrolled, what opens too low is moved up. */
function keepInside(element: HTMLElement, root: HTMLElement): void {
  const [inner, outer] = [element.getBoundingClientRect(), root.getBoundingClientRect()];
  const [top, bottom] = [outer.top + MARGIN_PX, outer.bottom - MARGIN_PX];
  if (inner.height === 0) {
    return;
  }
  const room = bottom - Math.max(top, inner.top);
  if (inner.bottom > bottom) {
    element.style.maxHeight = `${Math.max(LEAST_PX, room)}px`;
    if (room < LEAST_PX) {
      element.style.marginTop = `${room - LEAST_PX}px`;
    }
  } else if (inner.top < top) {
    element.style.maxHeight = `${Math.max(LEAST_PX, inner.bottom - top)}px`;
  }
}
