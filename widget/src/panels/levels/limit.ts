/** A limit of the levels: dragged on the histogram, moved by keys, typed in its field. */

import { h, listen, setAttributes } from "../../dom";
import { numberText } from "../../geometry/axes";
import { clamp } from "../../geometry/fit";
import { type Writing, writtenText } from "../../geometry/units";

/** Short enough for the field, which stands beside its unit. */
function levelText(stored: number, { factor }: Writing): string {
  const value = stored * factor;
  const short = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  return Math.abs(short) >= 1e-4 && Math.abs(short) < 1e6
    ? String(short).replace("-", "\u2212")
    : numberText(short);
}

interface LimitEvents {
  move(share: number): void;
  step(steps: number): void;
  /** Takes what was typed, or refuses it; the limit as it is afterwards. */
  type(text: string): number;
  held(on: boolean): void;
}

export interface Limit {
  element: HTMLElement;
  field: HTMLInputElement;
  show(share: number, value: number, writing: Writing): void;
  listen(events: LimitEvents): void;
}

export function makeLimit(which: "low" | "high", signal: AbortSignal): Limit {
  const label = which === "low" ? "Low level" : "High level";
  const element = h("div", {
    class: `st-limit st-limit-${which}`,
    role: "slider",
    tabindex: 0,
    "aria-label": label,
    "data-st": `levels-${which}`,
  });
  const field = h("input", {
    type: "text",
    inputmode: "decimal",
    class: "st-field st-level",
    "aria-label": label,
    "data-st": `levels-${which}-value`,
  });
  /** The limit as it is, whatever is typed. */
  let last = 0;
  let writing: Writing = { factor: 1, units: "" };
  return {
    element,
    field,
    show(share, value, as) {
      last = value;
      writing = as;
      element.style.left = `${share * 100}%`;
      setAttributes(element, {
        "aria-valuenow": value * as.factor,
        "aria-valuetext": writtenText(value, as),
      });
      if (field.ownerDocument.activeElement !== field) {
        field.value = levelText(value, as);
      }
    },
    listen(events) {
      listen(
        element,
        "pointerdown",
        (event) => {
          element.setPointerCapture?.(event.pointerId);
          element.focus({ preventScroll: true });
          element.classList.add("st-held");
          events.held(true);
          event.preventDefault();
        },
        signal,
      );
      listen(
        element,
        "pointermove",
        (event) => {
          const plot = element.parentElement?.getBoundingClientRect();
          if (plot && element.classList.contains("st-held")) {
            events.move(clamp((event.clientX - plot.left) / Math.max(1, plot.width), 0, 1));
          }
        },
        signal,
      );
      for (const type of ["pointerup", "pointercancel"] as const) {
        listen(
          element,
          type,
          () => {
            element.classList.remove("st-held");
            events.held(false);
          },
          signal,
        );
      }
      listen(
        element,
        "keydown",
        (event) => {
          const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
          if (steps !== undefined) {
            events.step(steps * (event.shiftKey ? 10 : 1));
            event.preventDefault();
          }
        },
        signal,
      );
      listen(
        field,
        "change",
        () => {
          last = events.type(field.value);
          field.value = levelText(last, writing);
        },
        signal,
      );
      listen(
        field,
        "keydown",
        (event) => {
          if (event.key === "Escape" && field.value !== levelText(last, writing)) {
            field.value = levelText(last, writing);
            event.preventDefault();
          }
        },
        signal,
      );
    },
  };
}
