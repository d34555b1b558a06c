/**
 * The menu of operations for the shown node, by category. It opens at once; which of them fit, and why the others do not, is asked of
 * the kernel meanwhile.
 */

import { h, listen, setAttributes, setHidden, setText } from "../dom";
import type {
  FurtherInputDescription,
  MenuEntry,
  NodeDescription,
  OperationDescription,
} from "../protocol/generated";
import { nodeById } from "../state/tree";
import { FIRST, opensPopover, type Popover } from "./popover";
import type { PanelContext } from "./registry";

/** What the further input of an operation is chosen for; none: it is added without. */
type Choose = (operation: OperationDescription, input?: FurtherInputDescription) => void;

/** The entries of one operation; `say` why it does not fit, or that it does. */
interface Entry {
  elements: HTMLElement[];
  say(reason: string | null): void;
}

/** The menu of `button`, below the tree inside `host`. */
export function operationsMenu(
  host: HTMLElement,
  button: HTMLElement,
  context: PanelContext,
): { toggle(): void } {
  const { session, signal } = context;
  /** What the kernel said last of each node. */
  const known = new Map<number, readonly MenuEntry[]>();
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
        list.replaceChildren(...others(nodes, input, (other) => void add(operation, [other.id])));
        items(list)[0]?.focus();
      }
    };
    const { operations, nodes } = session.state;
    const entries = new Map(operations.map((operation) => [operation.name, entryOf(operation, choose)]));
    const list = h("div", { class: "st-menu-list" }, ...groups(operations, entries));
    const say = (told: readonly MenuEntry[]): void => {
      for (const { operation, reason } of told) {
        entries.get(operation)?.say(reason);
      }
    };
    for (const id of known.keys()) {
      if (!nodeById(nodes, id)) {
        known.delete(id);
      }
    }
    say(known.get(node.id) ?? []);
    const first = firstOf(list);
    first?.setAttribute(FIRST, "");
    void session.menu(node.id).then((told) => {
      if (told && !closed.aborted) {
        known.set(node.id, told);
        const untouched = list.ownerDocument.activeElement === first;
        say(told);
        if (untouched) {
          firstOf(list)?.focus({ preventScroll: true });
        }
      }
    });
    session.store.on(["node"], popover.close, closed);
    listen(popover.element, "keydown", (event) => onKey(event, popover), closed);
    listen(list, "pointermove", ({ target }) => pointed(target)?.focus({ preventScroll: true }), closed);
    return [list];
  };
  const label = "Operations on the shown node";
  return opensPopover(host, button, label, "operations", fill, signal, "menu");
}

const ITEM = "[role=menuitem]";

function items(list: HTMLElement): HTMLElement[] {
  return [...list.querySelectorAll<HTMLElement>(`${ITEM}:not([hidden])`)];
}

const isEnabled = (item: HTMLElement): boolean => item.getAttribute("aria-disabled") !== "true";

function firstOf(list: HTMLElement): HTMLElement | undefined {
  const all = items(list);
  return all.find(isEnabled) ?? all[0];
}

/** The entry under the pointer, whose text is shown below the list as that of the focused one is. */
function pointed(target: EventTarget | null): HTMLElement | null {
  const item = target instanceof Element ? target.closest<HTMLElement>(ITEM) : null;
  return item === item?.ownerDocument.activeElement ? null : item;
}

function groups(
  operations: readonly OperationDescription[],
  entries: ReadonlyMap<string, Entry>,
): HTMLElement[] {
  const categories = [...new Set(operations.map((operation) => operation.category))];
  return categories.map((category) =>
    h(
      "div",
      { role: "group", "aria-label": category },
      h("div", { class: "st-menu-category" }, category.replaceAll("_", " ")),
      ...operations
        .filter((operation) => operation.category === category)
        .flatMap(({ name }) => entries.get(name)?.elements ?? []),
    ),
  );
}

/** An operation, and what it may take beside the node as an entry of its own. */
function entryOf(operation: OperationDescription, choose: Choose): Entry {
  const { name, title, summary } = operation;
  const input = operation.further_inputs?.[0];
  const required = input?.required ? input : undefined;
  const named = `operation-${name}`;
  const own = item(required ? `${title} …` : title, named, () => choose(operation, required));
  const elements = [own];
  let beside: HTMLElement | undefined;
  if (input && !required) {
    beside = item(`… with ${input.name}`, `${named}-${input.name}`, () => choose(operation, input));
    tell(beside, input.help, inCell(operation, input));
    elements.push(beside);
  }
  const say = (reason: string | null): void => {
    setAttributes(own, { "aria-disabled": reason === null ? null : "true" });
    tell(own, reason ?? summary, inCell(operation, required));
    if (beside) {
      setHidden(beside, reason !== null);
    }
  };
  say(null);
  return { elements, say };
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
  const items = nodes.map((other) => {
    const entry = item(other.name, `input-${other.name}`, () => choose(other));
    tell(entry, `${other.title}, ${other.summary}`);
    return entry;
  });
  if (items.length === 0) {
    const none = item("No other signal fits", "input-none");
    setAttributes(none, { "aria-disabled": "true" });
    tell(none, "Open or make one, then choose it here.");
    items.push(none);
  }
  return [h("div", { class: "st-menu-category" }, help), ...items];
}

function item(title: string, name: string, choose?: () => void): HTMLElement {
  const element = h(
    "button",
    { role: "menuitem", tabindex: -1, class: "st-menu-item", "data-st": name },
    h("span", { class: "st-menu-title" }, title),
    h("span", { class: "st-menu-summary" }),
  );
  element.addEventListener("click", () => isEnabled(element) && choose?.());
  return element;
}

/** What an entry is about, or why it cannot be chosen; `more` is told to who rests on it. */
function tell(item: HTMLElement, summary: string, more = ""): void {
  if (item.lastElementChild) {
    setText(item.lastElementChild, summary);
  }
  setAttributes(item, { title: summary + more });
}

function onKey(event: KeyboardEvent, { element, close }: Popover): void {
  const all = items(element);
  const at = all.indexOf(element.ownerDocument.activeElement as HTMLElement);
  const next: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
  if (event.key === "Tab") {
    close();
  } else if (event.key in next) {
    all[Math.min(all.length - 1, Math.max(0, next[event.key] ?? 0))]?.focus();
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}
