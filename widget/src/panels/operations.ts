/** The menu of operations for the shown node, by category; what does not fit says why. */

import { h } from "../dom";
import type { NodeDescription, OperationDescription } from "../protocol/generated";
import type { PanelContext } from "./registry";

/** Opens the menu under the head of `panel`, or closes it. */
export function openOperations(panel: HTMLElement, button: HTMLElement, context: PanelContext): void {
  const open = panel.querySelector<HTMLElement>(".st-menu");
  if (open) {
    open.dispatchEvent(new Event("st-close"));
    return;
  }
  const { session } = context;
  const { node } = session;
  if (!node) {
    return;
  }
  const closing = new AbortController();
  const signal = AbortSignal.any([context.signal, closing.signal]);
  const menu = h("div", {
    class: "st-menu",
    role: "menu",
    "aria-label": `Operations on ${node.name}`,
    "data-st": "operations",
  });
  const close = (): void => {
    closing.abort();
    menu.remove();
    button.setAttribute("aria-expanded", "false");
  };
  const choose = async (operation: OperationDescription): Promise<void> => {
    close();
    button.focus();
    const done = await session.act({
      type: "add_operation",
      parent: node.id,
      operation: operation.name,
      params: {},
    });
    if (done?.node != null) {
      session.select(done.node);
    }
  };
  menu.append(...groups(node, session.store.value.operations, choose));
  menu.addEventListener("st-close", close, { signal });
  menu.addEventListener(
    "keydown",
    (event) =>
      onKey(event, menu, () => {
        close();
        button.focus();
      }),
    { signal },
  );
  const root = panel.closest(".signaltree") ?? panel;
  root.addEventListener(
    "pointerdown",
    (event) => {
      const target = event.target as Node;
      if (!menu.contains(target) && !button.contains(target)) {
        close();
      }
    },
    { signal },
  );
  session.store.on(["node"], close, signal);
  panel.append(menu);
  button.setAttribute("aria-expanded", "true");
  menu
    .querySelector<HTMLElement>("[role=menuitem]:not([aria-disabled=true])")
    ?.focus({ preventScroll: true });
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
      type: "button",
      role: "menuitem",
      tabindex: -1,
      class: "st-menu-item",
      "aria-disabled": reason === null ? null : "true",
      title: reason ?? operation.summary,
      "data-st": `operation-${operation.name}`,
    },
    h("span", { class: "st-menu-title" }, operation.title),
    h("span", { class: "st-menu-summary" }, reason ?? operation.summary),
  );
  element.addEventListener("click", () => reason === null && choose(operation));
  return element;
}

function onKey(event: KeyboardEvent, menu: HTMLElement, dismiss: () => void): void {
  const items = [...menu.querySelectorAll<HTMLElement>("[role=menuitem]")];
  const at = items.indexOf(menu.ownerDocument.activeElement as HTMLElement);
  const next: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
  if (event.key === "Escape" || event.key === "Tab") {
    dismiss();
  } else if (event.key in next) {
    items[Math.min(items.length - 1, Math.max(0, next[event.key] ?? 0))]?.focus();
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}
