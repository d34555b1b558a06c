/** A line of numbers under a picture. */

import { h, setText } from "./dom";

const LINE_PX = 16;
/** No character of a readout is wider on average. */
const CHARACTER_PX = 6.2;

export interface Readout {
  readonly element: HTMLElement;
  /** Shows the text where `width` CSS pixels are free. */
  show(text: string, width: number): void;
}

/** Its room is set before its text is, and only grows, so that a new text does not lay out the page again. */
export function makeReadout(name: string, live: "polite" | "off"): Readout {
  const element = h("div", { class: "st-readout", "data-st": name, "aria-live": live });
  let room = { width: 0, lines: 1 };
  return {
    element,
    show(text, width) {
      const lines = width > 0 ? Math.ceil((text.length * CHARACTER_PX) / width) : 1;
      if (width !== room.width || lines > room.lines) {
        room = { width, lines: Math.max(1, lines) };
        element.style.height = `${room.lines * LINE_PX}px`;
      }
      setText(element, text);
    },
  };
}
