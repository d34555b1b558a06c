/** The menu of operations for the shown node, by category; what does not fit says why. */

import { h, listen } from "../dom";
import type { FurtherInputDescription, NodeDescription, OperationDescription } from "../protocol/generated";
import { FIRST, opensPopover, type Popover } from "./popover";
import type { PanelContext } from "./registry";

/** What the further input of an operation is chosen for; none: it is added without. */
type Choose = (operation: OperationDescription, input?: FurtherInputDescription) => void;

/** The menu of `button`, below the tree inside `host`. */
export function operationsMenu(
  host: HTMLElement,
  button: HTMLElement,
  context: PanelContext,
): { toggle(): void } {
  const { session, signal } = context;
  const fill = (popover: Popover, closed: AbortSignal): Node[] => {
    const { node } = session;
    if (!node) {
      return [];
    }
    const add = async (operation: OperationDescription, further: number[]): Promise<void> => {
      popover.close();
      const done = await session.act({
        type: "add_operation",
        parents: [node.id, ...further],
        operation: operation.name,
        params: {},
      });
      if (done?.node != null) {
        session.select(done.node);
      }
    };
    const choose: Choose = async (operation, input) => {
      if (!input) {
        void add(operation, []);
        return;
      }
      const nodes = await session.possible(node.id, operation.name);
      if (nodes && !closed.aborted) {
        popover.element.replaceChildren(...others(nodes, input, (other) => void add(operation, [other.id])));
        popover.element.querySelector<HTMLElement>("[role=menuitem]")?.focus();
      }
    };
    session.store.on(["node"], popover.close, closed);
    listen(popover.element, "keydown", (event) => onKey(event, popover), closed);
    const content = groups(node, session.state.operations, choose);
    const items = content.flatMap((group) => [...group.querySelectorAll<HTMLElement>("[role=menuitem]")]);
    const enabled = items.find((entry) => entry.getAttribute("aria-disabled") !== "true");
    (enabled ?? items[0])?.setAttribute(FIRST, "");
    return content;
  };
  const label = "Operations on the shown node";
  return opensPopover(host, button, label, "operations", fill, signal, "menu");
}

function groups(
  node: NodeDescription,
  operations: readonly OperationDescription[],
  choose: Choose,
): HTMLElement[] {
  const categories = [...new Set(operations.map((operation) => operation.category))];
  return categories.map((category) =>
    h(
      "div",
      { role: "group", "aria-label": category },
      h("div", { class: "st-menu-category" }, category.replaceAll("_", " ")),
      ...operations
        .filter((operation) => operation.category === category)
        .flatMap((operation) => {
          const entry = node.menu.find((candidate) => candidate.operation === operation.name);
          return entries(operation, entry?.reason ?? null, choose);
        }),
    ),
  );
}

/** An operation, and what it may take beside the node as an entry of its own. */
function entries(operation: OperationDescription, reason: string | null, choose: Choose): HTMLElement[] {
  const { name, title, summary } = operation;
  const input = operation.further_inputs?.[0];
  const required = input?.required ? input : undefined;
  const named = `operation-${name}`;
  const own = item(required ? `${title} …` : title, reason ?? summary, named, reason === null, () =>
    choose(operation, required),
  );
  own.title = `${reason ?? summary}${inCell(operation, required)}`;
  if (!input || required || reason !== null) {
    return [own];
  }
  const beside = item(`… with ${input.name}`, input.help, `${named}-${input.name}`, true, () =>
    choose(operation, input),
  );
  beside.title = `${input.help}${inCell(operation, input)}`;
  return [own, beside];
}

function inCell(operation: OperationDescription, input?: FurtherInputDescription): string {
  const { method, parameters_type, parameters } = operation;
  const given = input ? [`&${input.name}`] : [];
  if (!input || parameters.length > 0) {
    given.push(`${parameters_type}::default()`);
  }
  return `\nIn a cell: .${method}${input && !input.required ? "_with" : ""}(${given.join(", ")})?`;
}

/** The signals that an operation would take beside the node. */
function others(
  nodes: readonly NodeDescription[],
  { help }: FurtherInputDescription,
  choose: (other: NodeDescription) => void,
): HTMLElement[] {
  const items = nodes.map((other) =>
    item(other.name, `${other.title}, ${other.summary}`, `input-${other.name}`, true, () => choose(other)),
  );
  if (items.length === 0) {
    items.push(item("No other signal fits", "Open or make one, then choose it here.", "input-none", false));
  }
  return [h("div", { class: "st-menu-category" }, help), ...items];
}

function item(
  title: string,
  summary: string,
  name: string,
  enabled: boolean,
  choose?: () => void,
): HTMLElement {
  const element = h(
    "button",
    {
      role: "menuitem",
      tabindex: -1,
      class: "st-menu-item",
      "aria-disabled": enabled ? null : "true",
      "data-st": name,
    },
    h("span", { class: "st-menu-title" }, title),
    h("span", { class: "st-menu-summary" }, summary),
  );
  element.addEventListener("click", () => enabled && choose?.());
  return element;
}

function onKey(event: KeyboardEvent, { element, close }: Popover): void {
  const items = [...element.querySelectorAll<HTMLElement>("[role=menuitem]")];
  const at = items.indexOf(element.ownerDocument.activeElement as HTMLElement);
  const next: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
  if (event.key === "Tab") {
    close();
  } else if (event.key in next) {
    items[Math.min(items.length - 1, Math.max(0, next[event.key] ?? 0))]?.focus();
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}
