/** Numbers: a field, and a slider where both limits are known. */

import { h, listen } from "../dom";
import { niceBelow, numberText, withUnits } from "../geometry/axes";
import { clamp } from "../geometry/fit";
import type { ParameterDescription } from "../protocol/generated";
import type { Control, ControlContext } from "./registry";

/** Slider positions; the value comes from the position, so that wide ranges stay fine near their low end. */
const POSITIONS = 1000;
const WIDE = 400;

/** A range of so many times its low end is gone through in equal factors. */
const FACTORS = 500;

export interface Scale {
  low: number;
  high: number;
  /** Values are multiples of it. */
  step: number;
  /** Exponent from slider share to value share; 0: equal steps are equal factors. */
  power: number;
}

export function scaleFor(low: number, high: number, whole: boolean, usual: number): Scale {
  const range = high - low;
  const usualShare = range > 0 ? (usual - low) / range : 0.5;
  // A usual value in the lowest few percent would leave no room to tune it.
  const power =
    low > 0 && high >= low * FACTORS ? 0 : usualShare > 0 && usualShare < 0.08 && range > 0 ? 3 : 1;
  const fine = power === 1 ? range : Math.min(range, Math.abs(usual - low) * 4 || range);
  const step = whole ? 1 : niceBelow(fine / 200) || niceBelow(range / WIDE) || 0.01;
  return { low, high, step, power };
}

export function toValue(position: number, { low, high, step, power }: Scale): number {
  const share = clamp(position / POSITIONS, 0, 1);
  const value = power > 0 ? low + (high - low) * share ** power : low * (high / low) ** share;
  return clamp(Number((Math.round(value / step) * step).toPrecision(10)), low, high);
}

export function toPosition(value: number, { low, high, power }: Scale): number {
  const inside = clamp(value, low, high);
  const share =
    power > 0
      ? ((inside - low) / (high - low)) ** (1 / power)
      : Math.log(inside / low) / Math.log(high / low);
  return high > low ? Math.round(share * POSITIONS) : 0;
}

export const number = (context: ControlContext): Control => numeric(context, false);
export const integer = (context: ControlContext): Control => numeric(context, true);

/** Why a typed value cannot be that of a parameter; empty when it can. */
export function refusalOf(
  value: number,
  { minimum, maximum, units }: Pick<ParameterDescription, "minimum" | "maximum" | "units">,
  whole: boolean,
): string {
  const typed = String(value).replace("-", "\u2212");
  const limit = (words: string, bound: number): string =>
    `${typed} is not taken: it has to be ${words} ${withUnits(numberText(bound), units)}`;
  if (Number.isNaN(value)) {
    return `It has to be a ${whole ? "whole " : ""}number`;
  }
  if (minimum !== null && value < minimum) {
    return limit("at least", minimum);
  }
  if (maximum !== null && value > maximum) {
    return limit("at most", maximum);
  }
  return whole && !Number.isInteger(value) ? `${typed} is not taken: it has to be a whole number` : "";
}

function numeric({ parameter, most, signal, id, change, refuse }: ControlContext, whole: boolean): Control {
  const { name, minimum, maximum, default: usual } = parameter;
  /** Where there is no usual value the first that is known tells how fine the slider has to be. */
  let typical = typeof usual === "number" ? usual : null;
  const scaled = (): Scale | null =>
    minimum !== null && most !== null ? scaleFor(minimum, most, whole, typical ?? minimum) : null;
  let scale = scaled();
  const field = h("input", {
    type: "number",
    id,
    class: "st-field st-number",
    min: minimum,
    max: maximum,
    step: whole ? 1 : "any",
    "data-st": `parameter-${name}-value`,
  });
  const slider =
    scale &&
    h("input", {
      type: "range",
      class: "st-slider",
      min: 0,
      max: POSITIONS,
      step: 1,
      "aria-label": name.replaceAll("_", " "),
      "data-st": `parameter-${name}-slider`,
    });
  const paint = (): void => slider?.style.setProperty("--st-share", String(Number(slider.value) / POSITIONS));

  const limited = (value: number): number =>
    clamp(
      whole ? Math.round(value) : value,
      minimum ?? Number.NEGATIVE_INFINITY,
      maximum ?? Number.POSITIVE_INFINITY,
    );
  /** The value as it is, whatever is typed. */
  let last: number | null = null;
  /** What was measured while it is left out. */
  let found: number | null = null;
  const base = (): number => last ?? found ?? typical ?? minimum ?? 0;
  const place = (value: number): void => {
    if (slider && scale) {
      slider.valueAsNumber = toPosition(value, scale);
      paint();
    }
  };
  listen(
    field,
    "change",
    () => {
      const empty = field.value === "" && !field.validity.badInput;
      if (empty && parameter.optional) {
        last = null;
        change(null, false);
        return;
      }
      const value = field.valueAsNumber;
      const reason = refusalOf(value, parameter, whole);
      if (reason !== "") {
        field.value = last === null ? "" : fieldText(last);
        refuse(reason);
        return;
      }
      last = value;
      place(value);
      change(value, false);
    },
    signal,
  );
  listen(
    field,
    "keydown",
    ({ key }) => {
      if (field.value === "" && found !== null && (key === "ArrowUp" || key === "ArrowDown")) {
        // The browser steps from what is written.
        field.value = fieldText(found);
      }
    },
    signal,
  );
  if (slider) {
    /** The pointer holds the slider. */
    let held = false;
    const slide = (moving: boolean): void => {
      held = moving;
      const value = scale ? toValue(slider.valueAsNumber, scale) : base();
      last = value;
      field.valueAsNumber = value;
      paint();
      change(value, moving);
    };
    listen(slider, "input", () => slide(true), signal);
    listen(slider, "change", () => slide(false), signal);
    for (const type of ["pointerup", "pointercancel"] as const) {
      // A slider that was taken out of the page while it was held does not tell its end.
      globalThis.addEventListener(type, () => held && setTimeout(() => held && slide(false)), {
        capture: true,
        signal,
      });
    }
    /** Keys have moved the slider and are still held. */
    let stepped = false;
    for (const type of ["keyup", "blur"] as const) {
      listen(
        slider,
        type,
        () => {
          if (stepped) {
            stepped = false;
            change(limited(field.valueAsNumber), false);
          }
        },
        signal,
      );
    }
    listen(
      slider,
      "keydown",
      (event) => {
        const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
        if (steps !== undefined && scale) {
          const by = steps * scale.step * (event.shiftKey ? 10 : 1);
          const value = limited(Number((base() + by).toPrecision(10)));
          last = value;
          field.valueAsNumber = value;
          place(value);
          stepped = true;
          change(value, true);
          event.preventDefault();
        }
      },
      signal,
    );
  }

  return {
    elements: slider ? [slider, field] : [field],
    show(value, measured) {
      last = typeof value === "number" ? value : null;
      found = last === null && typeof measured === "number" ? measured : null;
      const known = last ?? found;
      if (typical === null && known !== null) {
        typical = known;
        scale = scaled();
      }
      field.value = last === null ? "" : fieldText(last);
      field.placeholder = found === null ? "" : fieldText(found);
      place(base());
    },
    start() {
      const known = found ?? (typeof usual === "number" ? usual : null);
      return known === null ? null : limited(known);
    },
  };
}

function fieldText(value: number): string {
  return String(Number(value.toPrecision(8)));
}
