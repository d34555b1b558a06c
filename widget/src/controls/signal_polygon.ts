import { h, icon, listen } from "../dom";
import { diamond, isVertices, withoutVertex, withVertex } from "../geometry/outlines/polygon";
import { isPair, type Pair } from "../geometry/outlines/shape";
import type { Control, ControlContext } from "./registry";

/** Vertices `[row, column]` in pixels: two fields each, and the shape on the pattern. */
export function signalPolygon(context: ControlContext): Control {
  const { parameter, signal, id, input, change, refuse } = context;
  /** What is there, or would be where it is left out. */
  let vertices: readonly Pair[] = [];
  let isOut = true;
  let rows: (readonly [HTMLInputElement, HTMLInputElement])[] = [];
  const list = h("div", { class: "st-vertices", id });
  const name = `parameter-${parameter.name}`;
  const usual = (): Pair[] => {
    const [height = 1, width = 1] = (input()?.signal_axes ?? []).slice(-2).map(({ size }) => size);
    return diamond({ height, width });
  };
  const set = (next: readonly Pair[]): void => {
    show(next);
    change(next, false);
  };
  const typed = (i: number): void => {
    const [row, column] = (rows[i] ?? []).map((field) =>
      Number.parseFloat(field.validity.badInput ? "" : field.value || field.placeholder),
    );
    const vertex = [row, column];
    if (isPair(vertex)) {
      set(vertices.with(i, vertex));
    } else {
      fill();
      refuse("Row and column have to be numbers");
    }
  };
  const buildRow = (i: number): HTMLElement => {
    const fields = (["row", "column"] as const).map((part) => {
      const field = h("input", {
        type: "number",
        step: "any",
        class: "st-field st-number",
        "aria-label": `Vertex ${i + 1}, ${part}`,
        title: part,
        "data-st": `${name}-${i}-${part}`,
      });
      listen(field, "change", () => typed(i), signal);
      return field;
    });
    const label = `Remove vertex ${i + 1}`;
    const remove = h(
      "button",
      { class: "st-icon-button", title: label, "aria-label": label, "data-st": `${name}-${i}-remove` },
      icon("M4 4l8 8M12 4l-8 8"),
    );
    listen(
      remove,
      "click",
      () => {
        const fewer = withoutVertex(vertices, i);
        if (fewer) {
          set(fewer);
        } else {
          refuse("A polygon has at least three vertices");
        }
      },
      signal,
    );
    rows.push(fields as unknown as readonly [HTMLInputElement, HTMLInputElement]);
    return h("div", { class: "st-vertex" }, ...fields, remove);
  };
  const fill = (): void => {
    if (rows.length !== vertices.length) {
      rows = [];
      list.replaceChildren(...vertices.map((_, i) => buildRow(i)));
    }
    for (const [i, fields] of rows.entries()) {
      for (const [part, field] of fields.entries()) {
        const text = String(vertices[i]?.[part] ?? "");
        field.value = isOut ? "" : text;
        field.placeholder = isOut ? text : "";
      }
    }
  };
  const show = (value: unknown): void => {
    isOut = !isVertices(value);
    vertices = isVertices(value) ? value : usual();
    fill();
  };
  const add = h(
    "button",
    {
      class: "st-button st-quiet",
      title: "Divides the longest edge",
      "data-st": `${name}-add`,
    },
    "Add a vertex",
  );
  listen(add, "click", () => set(withVertex(vertices)), signal);
  return {
    elements: [h("div", { class: "st-polygon" }, list, add)],
    show,
    start: () => (isVertices(parameter.default) ? parameter.default : usual()),
  };
}
