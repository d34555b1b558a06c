/**
 * What an element loses when it is taken out of the page and put back: the keyboard, scroll offsets, a
 * captured pointer. Returns what gives them back.
 */
export function outlast(root: HTMLElement, signal: AbortSignal): () => void {
  const { ownerDocument: page } = root;
  let focused: HTMLElement | null = null;
  let pointer: { id: number; on: HTMLElement } | null = null;
  const offsets = new Map<Element, [number, number]>();
  const listen = (
    target: EventTarget,
    type: string,
    work: (event: Event) => void,
    options: AddEventListenerOptions = {},
  ): void => target.addEventListener(type, work, { ...options, signal });

  listen(root, "focusin", ({ target }) => {
    focused = target instanceof HTMLElement ? target : null;
  });
  listen(root, "focusout", () =>
    queueMicrotask(() => {
      // An element that is taken out loses the focus too, but nobody took it away.
      if (root.isConnected && !root.contains(page.activeElement)) {
        focused = null;
      }
    }),
  );
  listen(
    root,
    "scroll",
    ({ target }) => {
      if (target instanceof Element) {
        offsets.set(target, [target.scrollLeft, target.scrollTop]);
      }
    },
    { capture: true, passive: true },
  );
  listen(root, "gotpointercapture", (event) => {
    if (event instanceof PointerEvent && event.target instanceof HTMLElement) {
      pointer = { id: event.pointerId, on: event.target };
    }
  });
  listen(root, "lostpointercapture", () => {
    if (root.isConnected) {
      pointer = null;
    }
  });
  for (const type of ["pointerup", "pointercancel"]) {
    listen(
      globalThis,
      type,
      (event) => {
        const held = pointer;
        if (!held || !(event instanceof PointerEvent) || event.pointerId !== held.id) {
          return;
        }
        pointer = null;
        if (!(event.target instanceof Node && root.contains(event.target))) {
          // Let go while the element was out of the page.
          held.on.dispatchEvent(new PointerEvent(type, event));
        }
      },
      { capture: true },
    );
  }

  return () => {
    for (const [element, [left, top]] of offsets) {
      if (root.contains(element)) {
        element.scrollLeft = left;
        element.scrollTop = top;
      } else {
        offsets.delete(element);
      }
    }
    if (focused && root.contains(focused) && !root.contains(page.activeElement)) {
      focused.focus({ preventScroll: true });
    }
    if (pointer && root.contains(pointer.on)) {
      try {
        pointer.on.setPointerCapture(pointer.id);
      } catch {
        // Let go meanwhile: its end was or will be told.
        pointer = null;
      }
    }
  };
}
