/** Small builders of elements; every panel uses these and no framework. */

type Attributes = Record<string, string | number | boolean | null | undefined>;

/** An element with attributes (`false`, `null` and `undefined` leave one out) and children; a button submits nothing. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  setAttributes(element, tag === "button" ? { type: "button", ...attributes } : attributes);
  element.append(...children);
  return element;
}

export function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    const text = value === true ? "" : String(value);
    if (value === false || value === null || value === undefined) {
      element.removeAttribute(name);
    } else if (element.getAttribute(name) !== text) {
      element.setAttribute(name, text);
    }
  }
}

const SVG = "http://www.w3.org/2000/svg";

/** A 16-unit line drawing in the colour of the text. `paths` are the `d` of its strokes. */
export function icon(...paths: string[]): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  setAttributes(svg, { viewBox: "0 0 16 16", class: "st-icon", "aria-hidden": "true" });
  for (const d of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/**
 * Replaces the text only when it changes, so that screen readers are not woken. The node stays: another one would
 * have every rule with `:has()` looked at again.
 */
export function setText(element: Element, text: string): void {
  const { firstChild } = element;
  if (firstChild instanceof Text && firstChild === element.lastChild) {
    if (firstChild.data !== text) {
      firstChild.data = text;
    }
  } else if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** To hide what is hidden already would have its style computed again. */
export function setHidden(element: HTMLElement, hidden: boolean): void {
  if (element.hidden !== hidden) {
    element.hidden = hidden;
  }
}

/** Calls `work` for every event of a kind until the signal is aborted. */
export function listen<K extends keyof GlobalEventHandlersEventMap>(
  target: EventTarget,
  type: K,
  work: (event: GlobalEventHandlersEventMap[K]) => void,
  signal: AbortSignal,
): void {
  target.addEventListener(type, work as EventListener, { signal });
}

/** Whether a key goes into a field, and is no command of the viewer. */
export function isTyping({ target }: Event): boolean {
  const text = target instanceof HTMLInputElement && !["range", "checkbox"].includes(target.type);
  return text || target instanceof HTMLSelectElement;
}

/** A function that runs `work` once in the next animation frame however often it is called. */
export function perFrame(work: () => void, signal: AbortSignal): () => void {
  let pending = 0;
  signal.addEventListener("abort", () => cancelAnimationFrame(pending));
  return () => {
    if (pending === 0 && !signal.aborted) {
      pending = requestAnimationFrame(() => {
        pending = 0;
        work();
      });
    }
  };
}

/** A function that runs `work` at once, then at most every `pauseMs`: for what nobody follows faster. */
export function calmly(work: () => void, pauseMs: number, signal: AbortSignal): () => void {
  let pause: ReturnType<typeof setTimeout> | undefined;
  let again = false;
  signal.addEventListener("abort", () => clearTimeout(pause));
  const run = (): void => {
    again = false;
    pause = setTimeout(() => {
      pause = undefined;
      if (again) {
        run();
      }
    }, pauseMs);
    work();
  };
  return () => {
    if (pause !== undefined) {
      again = true;
    } else if (!signal.aborted) {
      run();
    }
  };
}
