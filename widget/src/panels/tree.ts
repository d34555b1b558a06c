/** The tree: choose what the signal view shows, add an operation below it, remove a node. */

import { h, icon, listen, setAttributes, setText } from "../dom";
import { durationText } from "../geometry/bytes";
import type { NodeDescription, NodeKind } from "../protocol/generated";
import { pictureCount } from "../state/images";
import { MAX_PANES, type PaneChoice } from "../state/panes";
import type { Session } from "../state/session";
import { nodeById, operationOf, rows, type TreeRow } from "../state/tree";
import { operationsMenu } from "./operations";
import { shareOf } from "./progress";
import type { Panel, PanelContext } from "./registry";

const ICONS: Record<NodeKind, readonly string[]> = {
  frame: ["M2.5 2.5h11v11h-11z", "M8 5.2a2.8 2.8 0 1 0 .01 0z"],
  peaks: [
    "M4.5 3.4a1.3 1.3 0 1 0 .01 0z",
    "M11.4 5.4a1.3 1.3 0 1 0 .01 0z",
    "M5.6 10a1.3 1.3 0 1 0 .01 0z",
    "M12 11.2a1 1 0 1 0 .01 0z",
  ],
  map: ["M2.5 2.5h11v11h-11z", "M2.5 6.2h11M2.5 9.8h11M6.2 2.5v11M9.8 2.5v11"],
};

interface Row {
  element: HTMLElement;
  name: HTMLElement;
  title: HTMLElement;
  /** What it is made from beside the node above it. */
  beside: HTMLElement;
  progress: HTMLElement;
  compare: HTMLButtonElement;
  remove: HTMLButtonElement;
}

export const tree: Panel = {
  name: "tree",
  place: "side",
  mount(element, context) {
    const { session, signal } = context;
    const add = h(
      "button",
      {
        class: "st-button st-quiet",
        "data-st": "add-operation",
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        title: "Add an operation below the shown node",
      },
      icon("M8 3v10M3 8h10"),
      "Add",
    );
    const list = h("div", {
      class: "st-tree",
      role: "tree",
      "aria-label": "Tree of signals",
      "data-st": "tree",
    });
    element.append(h("div", { class: "st-head" }, h("span", { class: "st-title" }, "Tree"), add), list);
    const menu = operationsMenu(element, add, context);
    listen(add, "click", menu.toggle, signal);

    const shown = new Map<number, Row>();
    /** What was scrolled to: afterwards the list stays as it is scrolled by hand. */
    let revealed = "";
    const selected = (): HTMLElement | undefined => shown.get(session.state.node ?? -1)?.element;
    const fill = (): void => {
      const { nodes } = session.state;
      const wanted = rows(nodes);
      let focusLost = false;
      for (const [id, row] of shown) {
        if (!wanted.some(({ node }) => node.id === id)) {
          focusLost ||= row.element.contains(document.activeElement);
          row.element.remove();
          shown.delete(id);
        }
      }
      wanted.forEach((wantedRow, i) => {
        const row = shown.get(wantedRow.node.id) ?? makeRow(wantedRow.node.id, context);
        shown.set(wantedRow.node.id, row);
        update(row, wantedRow, context);
        if (list.children[i] !== row.element) {
          list.insertBefore(row.element, list.children[i] ?? null);
        }
      });
      add.disabled = session.node === null;
      if (focusLost) {
        // Keys go on in the viewer: the notebook would take them for commands.
        selected()?.focus({ preventScroll: true });
      }
      const what = `${session.state.node} of ${wanted.length}`;
      if (what !== revealed) {
        revealed = what;
        reveal(list, selected());
      }
    };
    session.store.on(["nodes", "node", "panes", "focused", "companion"], fill, signal);
    // Before it is in the page the list has no height.
    const observer = new ResizeObserver(() => reveal(list, selected()));
    observer.observe(list);
    signal.addEventListener("abort", () => observer.disconnect());
    listen(list, "keydown", (event) => onKey(event, context, shown), signal);
    fill();
  },
};

/** Scrolls the list, and nothing around it, until the row is seen. */
function reveal(list: HTMLElement, row: HTMLElement | undefined): void {
  if (!row) {
    return;
  }
  const [outer, inner] = [list.getBoundingClientRect(), row.getBoundingClientRect()];
  if (inner.top < outer.top) {
    list.scrollTop -= outer.top - inner.top;
  } else if (inner.bottom > outer.bottom) {
    list.scrollTop += inner.bottom - outer.bottom;
  }
}

function makeRow(id: number, { session, signal }: PanelContext): Row {
  const name = h("span", { class: "st-node-name" });
  const title = h("span", { class: "st-node-title" });
  const beside = h("span", { class: "st-node-beside" });
  const progress = h("span", { class: "st-node-progress" });
  const compare = h(
    "button",
    { class: "st-icon-button st-compare", tabindex: -1 },
    icon("M2.5 3.5h11v9h-11z", "M8 3.5v9"),
  );
  const remove = h("button", { class: "st-icon-button", tabindex: -1 }, icon("M4.5 4.5l7 7M11.5 4.5l-7 7"));
  const element = h(
    "div",
    { class: "st-node", role: "treeitem" },
    h("span", { class: "st-node-kind" }),
    name,
    title,
    beside,
    progress,
    compare,
    remove,
  );
  listen(
    element,
    "click",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) {
        toggleBeside(session, id);
      } else {
        session.select(id);
      }
      element.focus({ preventScroll: true });
    },
    signal,
  );
  listen(
    compare,
    "click",
    (event) => {
      event.stopPropagation();
      toggleBeside(session, id);
    },
    signal,
  );
  listen(
    remove,
    "click",
    (event) => {
      event.stopPropagation();
      void session.act({ type: "remove_node", node: id });
    },
    signal,
  );
  return { element, name, title, beside, progress, compare, remove };
}

/** The pane beside the selected one that shows a node, if any. */
function paneBeside(session: Session, id: number): PaneChoice | undefined {
  const { focused } = session.state;
  return session.panes.find((pane) => pane.node === id && pane.key !== focused && !pane.companion);
}

/** Shows a node beside the selected one, or no longer; of a map one image more each time. */
function toggleBeside(session: Session, id: number): void {
  const node = nodeById(session.state.nodes, id);
  const images = pictureCount(node);
  const beside = paneBeside(session, id);
  if (images < 2 && beside) {
    session.closePane(beside.key);
    return;
  }
  const done = session.compare(id);
  if (done === "full") {
    const message = `${MAX_PANES} pictures side by side are the most`;
    session.store.set({ notice: { level: "info", message, hint: "Close one of them." } });
  } else if (done === "shown" && images > 1) {
    const message = `Every image of ${node?.name} is shown`;
    session.store.set({ notice: { level: "info", message, hint: "" } });
  }
}

function update(row: Row, { node, depth }: TreeRow, { session }: PanelContext): void {
  const selected = node.id === session.state.node;
  const beside = paneBeside(session, node.id) !== undefined;
  // A frame beside itself says nothing; two images of one map do.
  row.compare.hidden = selected && !beside && pictureCount(node) < 2;
  row.element.classList.toggle("st-beside", beside);
  const several = pictureCount(node) > 1;
  const shows = several && (beside || selected) ? "Show another image of" : "Show";
  const action = beside && !several ? `Close ${node.name} beside` : `${shows} ${node.name} beside`;
  setAttributes(row.compare, {
    "aria-label": action,
    "aria-pressed": String(beside),
    title: `${action} ${selected ? "it" : "the selected one"} (Ctrl+click, or Ctrl+Space)`,
    "data-st": `compare-node-${node.name}`,
  });
  setText(row.name, node.name);
  // Of a long title the end is cut off; what else it is made from is not.
  const operation = operationOf(node, session.state.operations)?.title;
  const own =
    node.parents.length > 1 && operation && node.title.startsWith(operation) ? operation : node.title;
  setText(row.title, own);
  setText(row.beside, node.title.slice(own.length).trim());
  setAttributes(row.element, {
    "aria-selected": String(selected),
    "aria-level": depth + 1,
    tabindex: selected ? 0 : -1,
    title: node.summary,
    "data-st": `tree-node-${node.name}`,
    "data-kind": node.kind,
  });
  setAttributes(row.remove, {
    "aria-label": `Remove ${node.name}`,
    title: `Remove ${node.name}`,
    "data-st": `remove-node-${node.name}`,
  });
  row.element.style.setProperty("--st-depth", String(depth));
  const kind = row.element.firstElementChild;
  if (kind && kind.getAttribute("data-kind") !== node.kind) {
    kind.setAttribute("data-kind", node.kind);
    kind.replaceChildren(icon(...ICONS[node.kind]));
  }
  showProgress(row.progress, node);
}

function showProgress(element: HTMLElement, { progress }: NodeDescription): void {
  const running = progress?.state === "running";
  element.hidden = !running;
  const share = running ? shareOf(progress) : 0;
  element.style.setProperty("--st-share", String(share ?? 0));
  const seconds = progress?.measuring?.seconds ?? 0;
  const text = share === null ? (seconds >= 1 ? durationText(seconds) : "…") : `${Math.floor(share * 100)} %`;
  setText(element, running ? text : "");
}

/**
 * Arrows select; with Ctrl they only move the focus, and Ctrl+Space (or C) shows the focused node
 * beside the selected one.
 */
function onKey(event: KeyboardEvent, { session }: PanelContext, shown: Map<number, Row>): void {
  const order = rows(session.state.nodes).map(({ node }) => node);
  const held = event.ctrlKey || event.metaKey;
  const focused = [...shown].find(([, row]) => row.element.contains(document.activeElement))?.[0];
  const start = focused ?? session.state.node;
  const at = order.findIndex((node) => node.id === start);
  const current = order[at];
  const target: Record<string, NodeDescription | undefined> = {
    ArrowUp: order[at - 1],
    ArrowDown: order[at + 1],
    ArrowLeft: order.find((node) => node.id === current?.parents[0]),
    ArrowRight: order.find((node) => node.parents.includes(current?.id ?? -1)),
    Home: order[0],
    End: order.at(-1),
  };
  if (event.key === "Delete" && current) {
    void session.act({ type: "remove_node", node: current.id });
  } else if (current && ((event.key === " " && held) || (event.key === "c" && !held))) {
    toggleBeside(session, current.id);
  } else if (current && (event.key === "Enter" || (event.key === " " && !held))) {
    session.select(current.id);
  } else if (event.key in target) {
    const next = target[event.key];
    if (next) {
      if (!held) {
        session.select(next.id);
      }
      const row = shown.get(next.id)?.element;
      row?.focus({ preventScroll: true });
      if (row?.parentElement) {
        reveal(row.parentElement, row);
      }
    }
  } else {
    return;
  }
  event.preventDefault();
}
