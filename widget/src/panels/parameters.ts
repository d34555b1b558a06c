/** The parameters of the shown node, and the line of Rust that makes it. */

import { copyButton } from "../clipboard";
import { CONTROLS, type Control } from "../controls/registry";
import { h, listen, setHidden, setText } from "../dom";
import type { Size } from "../geometry/fit";
import type { NodeDescription, OperationDescription, ParameterDescription } from "../protocol/generated";
import { isMeasuredFormerly, nodeById, same } from "../state/tree";
import { Tuning } from "../state/tuning";
import { furtherInput } from "./further_input";
import { history } from "./history";
import type { Panel, PanelContext } from "./registry";

interface Row {
  control: Control;
  row: HTMLElement;
  automatic: HTMLInputElement | null;
  /** What its value is as long as there is nothing to choose here: one of a series of scans, of a single scan. */
  only: { value: unknown } | null;
  /** It is no longer left out, and nothing has been typed yet. */
  waiting: boolean;
  /** Why what was typed cannot be; empty, once that is over. */
  problem: HTMLElement;
}

interface Form {
  node: number;
  operation: string;
  controls: Map<string, Row>;
  close: AbortController;
}

let nextId = 0;

export const parameters: Panel = {
  name: "parameters",
  place: "side",
  mount(element, context) {
    const { session, view, signal } = context;
    // A refused value leaves the controls, also the one that is typed in: they show what the node has.
    const tuning = new Tuning(session, view, (refused) =>
      fill((name) => !same(refused[name], session.node?.params[name])),
    );
    const title = h("span", { class: "st-title" }, "Parameters");
    const reset = h(
      "button",
      {
        class: "st-button st-quiet",
        title: "Back to the default values",
        "data-st": "parameters-reset",
      },
      "Reset",
    );
    const past = history(context);
    const further = furtherInput(context);
    const refusal = h("p", {
      class: "st-refusal",
      role: "alert",
      "data-st": "parameters-refusal",
      hidden: true,
    });
    const about = h("p", { class: "st-about", "data-st": "parameters-about" });
    const body = h("div", { class: "st-form", "data-st": "parameters" });
    const code = codeLine(signal);
    const measured = h("p", { class: "st-about st-measured", "data-st": "measured", hidden: true });
    element.append(
      h("div", { class: "st-head" }, title, ...past.elements, reset),
      about,
      body,
      refusal,
      code.element,
      measured,
    );

    let form: Form | null = null;
    /** What the controls show, ahead of what the kernel has confirmed. */
    let values: Record<string, unknown> = {};
    /** A slider is held: what the kernel says meanwhile does not move it. */
    let held = false;
    /** What was typed into a control could not be, and that is said beside it. */
    let mistyped = false;
    const send = (node: number, moving: boolean): void => {
      held = moving;
      if (moving) {
        tuning.attempt(node, { ...values });
      } else {
        tuning.commit(node, { ...values });
      }
    };

    /** Controls in which somebody types keep that, but for those that `also` names. */
    const fill = (also: (name: string) => boolean = () => false): void => {
      const { node, operation } = session;
      past.fill();
      further.fill();
      code.show(node?.code ?? "");
      const found = node?.measured ?? "";
      const when = node && isMeasuredFormerly(node) ? "Measured before the last change" : "Measured";
      setText(measured, found && `${when}: ${found}`);
      measured.hidden = found === "";
      setText(about, operation?.summary ?? without(node));
      if (!node || !operation) {
        form?.close.abort();
        form = null;
        body.replaceChildren();
        reset.hidden = true;
        return;
      }
      if (form?.node !== node.id || form.operation !== operation.name) {
        if (form && view.value.draft?.node === form.node) {
          // Left while a control was held.
          view.set({ draft: null });
        }
        form?.close.abort();
        held = false;
        mistyped = false;
        const change = (name: string, value: unknown, moving: boolean): void => {
          // What was refused is over with the next change, of whichever.
          forgive();
          values = { ...values, [name]: value };
          send(node.id, moving);
        };
        form = build(body, node, operation, context, change, () => {
          mistyped = true;
          fillReset();
        });
        body.prepend(further.element);
        values = { ...node.params };
        showValues(form, values, node);
      } else if (!tuning.busy && !held) {
        values = { ...node.params };
        showValues(form, values, node, also);
      }
      reset.hidden = operation.parameters.length === 0;
      fillReset();
    };
    const isUsual = (): boolean =>
      session.operation?.parameters.every(({ name, default: usual }) => same(values[name], usual)) ?? true;
    /** It takes back what is said of a refused value, too. */
    const fillReset = (): void => {
      reset.disabled = isUsual() && !tuning.refused && !mistyped;
    };
    const forgive = (): void => {
      mistyped = false;
      for (const row of form?.controls.values() ?? []) {
        setText(row.problem, "");
        row.waiting = false;
      }
    };
    listen(
      reset,
      "click",
      () => {
        const { node, operation } = session;
        if (node && operation && form) {
          const changes = !isUsual();
          values = Object.fromEntries(
            operation.parameters.map((parameter) => [parameter.name, parameter.default]),
          );
          forgive();
          tuning.forgive();
          showValues(form, values, node, () => true);
          if (changes) {
            send(node.id, false);
          }
          fillReset();
        }
      },
      signal,
    );
    session.store.on(["node", "nodes", "operations"], () => fill(), signal);
    session.store.on(["notice"], fillReset, signal);
    // What is tried elsewhere, by dragging a detector, stands in the controls too.
    view.on(
      ["draft"],
      () => {
        const { draft } = view.value;
        if (form && draft?.node === form.node) {
          values = { ...draft.params };
          showValues(form, values, session.node);
        } else if (!draft) {
          fill();
        }
      },
      signal,
    );
    view.on(["draft", "failure"], () => fillRefusal(refusal, form, context), signal);
    signal.addEventListener("abort", () => form?.close.abort());
    fill();
  },
};

/** Why a node has no parameters. */
function without(node: NodeDescription | null): string {
  return node?.parents.length
    ? "A closure has no parameters: change it in its cell and run the cell again."
    : "No parameters: this node is read from a file.";
}

function build(
  body: HTMLElement,
  node: NodeDescription,
  operation: OperationDescription,
  context: PanelContext,
  change: (name: string, value: unknown, moving: boolean) => void,
  refused: () => void,
): Form {
  const close = new AbortController();
  const controls: Form["controls"] = new Map();
  const above = nodeById(context.session.state.nodes, node.parents[0] ?? null);
  const side = Math.max(...(above?.signal_axes ?? []).map(({ size }) => size));
  for (const parameter of operation.parameters) {
    const { name, units } = parameter;
    const maximum = node.parameter_maxima?.[name] ?? parameter.maximum;
    // Lengths beyond the frame are of no use.
    const most = maximum !== null && units === "px" && side > 0 ? Math.min(maximum, side) : maximum;
    controls.set(
      name,
      buildRow({ ...parameter, maximum }, most, context, close.signal, refused, (value, moving) =>
        change(name, value, moving),
      ),
    );
  }
  close.signal.addEventListener("abort", () => context.view.set({ picking: null, pointedParameter: null }));
  body.replaceChildren(...[...controls.values()].map(({ row }) => row));
  return { node: node.id, operation: operation.name, controls, close };
}

function buildRow(
  parameter: ParameterDescription,
  most: number | null,
  { session, view }: PanelContext,
  signal: AbortSignal,
  refused: () => void,
  change: (value: unknown, moving: boolean) => void,
): Row {
  nextId += 1;
  const id = `st-parameter-${nextId}`;
  const row = h("div", {
    class: parameter.optional ? "st-row st-optional" : "st-row",
    title: parameter.help,
    "data-kind": parameter.control.type,
    "data-st": `parameter-${parameter.name}`,
  });
  const automatic = parameter.optional
    ? h("input", { type: "checkbox", "data-st": `parameter-${parameter.name}-auto` })
    : null;
  const problem = h("p", {
    class: "st-problem",
    role: "alert",
    "data-st": `parameter-${parameter.name}-problem`,
  });
  const control = CONTROLS[parameter.control.type]({
    parameter,
    most,
    view,
    signal,
    id,
    scan: () => scanOf(session.node),
    input: () => nodeById(session.state.nodes, session.node?.parents[0] ?? null),
    paths: (written, endings) => session.paths(written, endings),
    change: (value, moving) => {
      built.waiting = false;
      markAutomatic(row, automatic, value === null);
      change(value, moving);
    },
    refuse: (reason) => {
      setText(problem, reason);
      refused();
    },
  });
  const { minimum, maximum } = parameter;
  const isFixed = minimum !== null && maximum !== null && maximum <= minimum;
  const only = isFixed ? { value: parameter.default } : null;
  const built: Row = { control, row, automatic, only, waiting: false, problem };
  automatic?.addEventListener(
    "change",
    () => {
      const value = automatic.checked ? null : control.start();
      const was = built.waiting;
      built.waiting = !automatic.checked && value === null;
      markAutomatic(row, automatic, automatic.checked);
      if (built.waiting) {
        // Nothing is known to begin with.
        row.querySelector<HTMLElement>("input.st-field")?.focus();
      } else if (!was) {
        control.show(value);
        change(value, false);
      }
    },
    { signal },
  );
  listen(
    row,
    "focusout",
    ({ relatedTarget }) => {
      if (built.waiting && !(relatedTarget instanceof Node && row.contains(relatedTarget))) {
        built.waiting = false;
        markAutomatic(row, automatic, true);
      }
    },
    signal,
  );
  point(row, parameter.name, view, signal);
  const label = h("label", { for: id, class: "st-label" }, labelOf(parameter));
  const units = control.units ?? parameter.units;
  if (units !== "") {
    label.append(h("span", { class: "st-units" }, units));
  }
  const inputs = h("div", { class: "st-inputs" }, ...control.elements);
  row.append(label, inputs);
  if (automatic) {
    row.append(h("label", { class: "st-auto" }, automatic, "auto"));
  }
  row.append(problem);
  return built;
}

/** While the pointer or the focus is in a row, what its parameter places is drawn over the pictures. */
function point(row: HTMLElement, name: string, view: PanelContext["view"], signal: AbortSignal): void {
  const enter = (): void => view.set({ pointedParameter: name });
  const leave = (): void => {
    const inside = row.matches(":hover") || row.contains(row.ownerDocument.activeElement);
    if (!inside && view.value.pointedParameter === name) {
      view.set({ pointedParameter: null });
    }
  };
  for (const type of ["pointerenter", "focusin"] as const) {
    listen(row, type, enter, signal);
  }
  listen(row, "pointerleave", leave, signal);
  // The focus is elsewhere only after this.
  listen(row, "focusout", () => queueMicrotask(leave), signal);
}

/** Why what is tried cannot be: beside its control if it is named, else below all of them. */
function fillRefusal(element: HTMLElement, form: Form | null, { view }: PanelContext): void {
  const { draft, failure } = view.value;
  const said = draft && draft.node === form?.node ? failure : null;
  let named = false;
  for (const [name, { row }] of form?.controls ?? []) {
    const about = said !== null && new RegExp(`\\b${name}\\b`).test(said.message);
    row.classList.toggle("st-refused", about);
    named ||= about;
  }
  element.hidden = said === null;
  element.classList.toggle("st-named", named);
  setText(element, said ? [said.message, said.hint].filter((part) => part !== "").join(". ") : "");
}

/** The name as words, without units that stand beside it. */
function labelOf({ name, units }: ParameterDescription): string {
  const bare = units !== "" && name.endsWith(`_${units}`) ? name.slice(0, -units.length - 1) : name;
  return bare.replaceAll("_", " ");
}

function markAutomatic(row: HTMLElement, automatic: HTMLInputElement | null, on: boolean): void {
  if (automatic) {
    automatic.checked = on;
    row.classList.toggle("st-is-auto", on);
  }
}

function scanOf(node: NodeDescription | null): Size {
  const [rows, columns] = (node?.navigation_axes ?? []).slice(-2).map(({ size }) => size);
  return columns === undefined ? { width: rows ?? 1, height: 1 } : { width: columns, height: rows ?? 1 };
}

/** Shows values everywhere but where the user is typing something that is not named by `also`. */
function showValues(
  form: Form,
  values: Record<string, unknown>,
  node: NodeDescription | null,
  also: (name: string) => boolean = () => false,
): void {
  for (const [name, { control, row, automatic, only, waiting }] of form.controls) {
    setHidden(row, only !== null && same(values[name], only.value));
    if (waiting) {
      continue;
    }
    const measured = node?.measured_parameters?.[name];
    row.classList.toggle("st-is-measured", (measured ?? null) !== null);
    const active = row.ownerDocument.activeElement;
    const typing = row.contains(active) && active instanceof HTMLInputElement && active.type !== "range";
    if (!typing || also(name) || active?.getAttribute("type") === "checkbox") {
      control.show(values[name], measured);
    }
    markAutomatic(row, automatic, (values[name] ?? null) === null);
  }
}

/** The code of the node with a button that copies it. */
function codeLine(signal: AbortSignal): { element: HTMLElement; show(code: string): void } {
  const text = h("code", { "data-st": "code" });
  const copy = copyButton("Copy this line for a cell", "copy-code", () => text.textContent ?? "", signal);
  const element = h("div", { class: "st-code" }, text, ...copy);
  return {
    element,
    show(code) {
      element.hidden = code === "";
      if (text.textContent !== code) {
        text.replaceChildren(...coloured(code));
      }
    },
  };
}

const TOKEN = /(\blet\b|\?|\.\.)|(\b[A-Z]\w*\b)|("[^"]*"|\b\d[\d._]*\b)/g;

/** The line with the few colours that make Rust readable. */
function coloured(code: string): (Node | string)[] {
  const parts: (Node | string)[] = [];
  let end = 0;
  for (const match of code.matchAll(TOKEN)) {
    const kind = match[1] ? "keyword" : match[2] ? "type" : "literal";
    parts.push(...breakable(code.slice(end, match.index)), h("span", { class: `st-code-${kind}` }, match[0]));
    end = match.index + match[0].length;
  }
  parts.push(...breakable(code.slice(end)));
  return parts;
}

/** Lines may break before a method. */
function breakable(code: string): (Node | string)[] {
  return code.split(/(?=\.[a-z_]+\()/).flatMap((part, i) => (i === 0 ? [part] : [h("wbr"), part]));
}
