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
/** The least height it has where there is room for it, a menu that of a dozen entries; and its distance from the rim. */
const LEAST_PX = { dialog: 120, menu: 440 };
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
  // What hangs on the foot stays with it, seen or not.
  keepInside(element, role === "menu" ? seenOf(root) : root.getBoundingClientRect(), LEAST_PX[role]);
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

interface Rim {
  top: number;
  bottom: number;
}

/** What is to be seen of the viewer: from where to where. */
function seenOf(root: HTMLElement): Rim {
  const { body, documentElement } = root.ownerDocument;
  let { top, bottom } = root.getBoundingClientRect();
  bottom = Math.min(bottom, documentElement.clientHeight);
  // What the body hides is hidden by the window.
  for (let around = root.parentElement; around && around !== body; around = around.parentElement) {
    if (getComputedStyle(around).overflowY !== "visible") {
      const rim = around.getBoundingClientRect();
      [top, bottom] = [Math.max(top, rim.top), Math.min(bottom, rim.bottom)];
    }
  }
  return { top, bottom };
}

/** Keeps it inside the rim: what does not fit is scrolled, what opens too low is moved up until it has its least height. */
function keepInside(element: HTMLElement, rim: Rim, least: number): void {
  const inner = element.getBoundingClientRect();
  const [top, bottom] = [rim.top + MARGIN_PX, rim.bottom - MARGIN_PX];
  if (inner.height === 0) {
    return;
  }
  if (inner.bottom > bottom) {
    const room = bottom - Math.max(top, inner.top);
    const height = Math.min(inner.height, Math.max(room, Math.min(least, bottom - top)));
    element.style.maxHeight = `${height}px`;
    element.style.marginTop = `${Math.min(0, bottom - height - inner.top)}px`;
  } else if (inner.top < top) {
    element.style.maxHeight = `${Math.max(LEAST_PX.dialog, inner.bottom - top)}px`;
  }
}
