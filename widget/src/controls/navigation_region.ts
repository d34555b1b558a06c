import { h, listen } from "../dom";
import type { Region, Size } from "../geometry/fit";
import { pickButton } from "./pick";
import type { Control, ControlContext } from "./registry";

const PARTS = ["x0", "y0", "width", "height"] as const;
const LABELS: Record<keyof Region, string> = { x0: "x", y0: "y", width: "w", height: "h" };

/** A rectangle of scan positions: four fields, or a drag on the navigator. */
export function navigationRegion(context: ControlContext): Control {
  const { parameter, signal, id, scan, change, refuse } = context;
  let last: unknown = null;
  /** The last one that was no other than left out. */
  let given: unknown = null;
  const fields = PARTS.map((part, i) =>
    h("input", {
      type: "number",
      step: 1,
      min: part === "width" || part === "height" ? 1 : 0,
      id: i === 0 ? id : null,
      class: "st-field st-number st-short",
      "aria-label": `${parameter.name} ${part}`,
      title: part,
      "data-st": `parameter-${parameter.name}-${part}`,
    }),
  );
  const show = (value: unknown): void => {
    last = value;
    given = value ?? given;
    const region = (value ?? {}) as Partial<Region>;
    PARTS.forEach((part, i) => {
      const field = fields[i];
      if (field) {
        field.value = typeof region[part] === "number" ? String(region[part]) : "";
      }
    });
  };
  for (const field of fields) {
    listen(
      field,
      "change",
      () => {
        const values = fields.map((part) => part.valueAsNumber);
        const whole = values.every(Number.isInteger);
        const [x0 = -1, y0 = -1, width = 0, height = 0] = values;
        if (whole && x0 >= 0 && y0 >= 0 && width >= 1 && height >= 1) {
          last = { x0, y0, width, height };
          given = last;
          change(last, false);
        } else if (parameter.optional && fields.every((part) => part.value === "")) {
          show(null);
          change(null, false);
        } else {
          show(last);
          refuse("A region has whole numbers: x and y from 0, width and height from 1");
        }
      },
      signal,
    );
  }
  const pick = pickButton(context, "Draw the region on the navigator", () => ({
    kind: "navigation_region",
    parameter: parameter.name,
    done: (region) => {
      show(region);
      change(region, false);
    },
  }));
  const labelled = fields.map((field, i) =>
    h("label", { class: "st-part" }, LABELS[PARTS[i] ?? "x0"], field),
  );
  return {
    elements: [h("div", { class: "st-parts" }, ...labelled), pick],
    show,
    start: () => given ?? parameter.default ?? corner(scan()),
  };
}

/** Large enough to be seen and taken hold of, small enough to be moved. */
function corner({ width, height }: Size): Region {
  const part = (size: number): number => Math.min(size, Math.max(2, Math.round(size / 8)));
  return { x0: 0, y0: 0, width: part(width), height: part(height) };
}
