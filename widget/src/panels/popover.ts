/** A small dialog beside the button that opens it. */

import { h, setAttributes } from "../dom";

export interface Popover {
  readonly element: HTMLElement;
  close(): void;
}

/**
 * Fills and opens the dialog inside `host`; pressing outside or Escape closes it and gives the focus back.
 * `fill` gets a signal that is aborted when it closes.
 */
export function openPopover(
  host: HTMLElement,
  button: HTMLElement,
  label: string,
  name: string,
  fill: (popover: Popover, signal: AbortSignal) => readonly Node[],
  outer: AbortSignal,
): Popover {
  const closing = new AbortController();
  const signal = AbortSignal.any([outer, closing.signal]);
  const element = h("div", { class: "st-popover", role: "dialog", "aria-label": label, "data-st": name });
  const close = (): void => {
    if (closing.signal.aborted) {
      return;
    }
    const inside = element.contains(element.ownerDocument.activeElement);
    closing.abort();
    element.remove();
    setAttributes(button, { "aria-expanded": "false" });
    if (inside) {
      button.focus({ preventScroll: true });
    }
  };
  const popover = { element, close };
  element.append(...fill(popover, signal));
  element.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Escape") {
        close();
        event.preventDefault();
        event.stopPropagation();
      }
    },
    { signal },
  );
  const root = host.closest(".signaltree") ?? host;
  root.addEventListener(
    "pointerdown",
    (event) => {
      const target = event.target as Node;
      if (!element.contains(target) && !button.contains(target)) {
        close();
      }
    },
    { signal },
  );
  outer.addEventListener("abort", close, { signal });
  host.append(element);
  setAttributes(button, { "aria-expanded": "true" });
  element.querySelector<HTMLElement>("input, select, button")?.focus({ preventScroll: true });
  return popover;
}
