/** The menu of operations for the shown node, by category; what does not fit says why. */

import { h, listen } from "../dom";
import type { NodeDescription, OperationDescription } from "../protocol/generated";
import { FIRST, opensPopover, type Popover } from "./popover";
import type { PanelContext } from "./registry";

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
    const choose = async (operation: OperationDescription): Promise<void> => {
      popover.close();
      const done = await session.act({
        type: "add_operation",
        parents: [node.id],
        operation: operation.name,
        params: {},
      });
      if (done?.node != null) {
        session.select(done.node);
      }
    };
    session.store.on(["node"], popover.close, closed);
    listen(popover.element, "keydown", (event) => onKey(event, popover), closed);
    const content = groups(node, session.store.value.operations, choose);
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
  choose: (operation: OperationDescription) => void,
): HTMLElement[] {
  const categories = [...new Set(operations.map((operation) => operation.category))];
  return categories.map((category) =>
    h(
      "div",
      { role: "group", "aria-label": category },
      h("div", { class: "st-menu-category" }, category.replaceAll("_", " ")),
      ...operations
        .filter((operation) => operation.category === category)
        .map((operation) => {
          const entry = node.menu.find((candidate) => candidate.operation === operation.name);
          return item(operation, entry?.reason ?? null, choose);
        }),
    ),
  );
}

function item(
  operation: OperationDescription,
  reason: string | null,
  choose: (operation: OperationDescription) => void,
): HTMLElement {
  const element = h(
    "button",
    {
      role: "menuitem",
      tabindex: -1,
      class: "st-menu-item",
      "aria-disabled": reason === null ? null : "true",
      title: `${reason ?? operation.summary}\nIn a cell: .${operation.method}(${operation.parameters_type}::default())?`,
      "data-st": `operation-${operation.name}`,
    },
    h("span", { class: "st-menu-title" }, operation.title),
    h("span", { class: "st-menu-summary" }, reason ?? operation.summary),
  );
  element.addEventListener("click", () => reason === null && choose(operation));
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
