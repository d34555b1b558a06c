/** Back and forth through the parameters of the shown node, and a branch to try others beside it. */

import { h, icon, isTyping, listen } from "../dom";
import type { NodeDescription } from "../protocol/generated";
import type { Session } from "../state/session";
import type { PanelContext } from "./registry";

const IS_MAC = /Mac|iP(hone|ad)/.test(globalThis.navigator?.platform ?? "");
const KEY = IS_MAC ? "⌘" : "Ctrl+";

export function history({ session, signal }: PanelContext): { elements: HTMLElement[]; fill(): void } {
  const button = (name: string, label: string, keys: string, ...paths: string[]): HTMLButtonElement =>
    h(
      "button",
      {
        class: "st-icon-button",
        "data-st": name,
        "aria-label": label,
        title: keys === "" ? label : `${label} (${keys})`,
      },
      icon(...paths),
    );
  const undo = button(
    "parameters-undo",
    "Undo the last change of parameters",
    `${KEY}Z`,
    "M5.5 3L2.5 6l3 3M2.5 6h7a4 4 0 0 1 0 8h-3",
  );
  const redo = button(
    "parameters-redo",
    "Redo",
    `${KEY}Shift+Z`,
    "M10.5 3l3 3-3 3M13.5 6h-7a4 4 0 0 0 0 8h3",
  );
  const fork = button(
    "parameters-branch",
    "Branch: the same operation again, to try other parameters beside this one",
    "",
    "M4.5 5.5v5M4.5 2.3a1.6 1.6 0 1 0 .01 0zM4.5 10.5a1.6 1.6 0 1 0 .01 0zM11.5 4.3a1.6 1.6 0 1 0 .01 0z",
    "M11.5 7.5c0 2-4 1.5-7 3",
  );
  listen(undo, "click", () => travel(session, "undo"), signal);
  listen(redo, "click", () => travel(session, "redo"), signal);
  listen(fork, "click", () => void branch(session), signal);
  return {
    elements: [undo, redo, fork],
    fill() {
      const { node } = session;
      const read = !node || node.operation === null;
      for (const element of [undo, redo, fork]) {
        element.hidden = read;
      }
      undo.disabled = !node?.can_undo;
      redo.disabled = !node?.can_redo;
    },
  };
}

function travel(session: Session, type: "undo" | "redo"): void {
  const { node } = session;
  if (node && (type === "undo" ? node.can_undo : node.can_redo)) {
    void session.act({ type, node: node.id });
  }
}

/** A sibling with the same parameters, beside the node it comes from. */
async function branch(session: Session): Promise<void> {
  const from: NodeDescription | null = session.node;
  const done = from && (await session.act({ type: "branch", node: from.id }));
  if (done?.node != null) {
    session.showBeside(done.node);
  }
}

/** Ctrl+Z and its kin, everywhere in the viewer but where text is typed. */
export function listenForHistory(root: HTMLElement, session: Session, signal: AbortSignal): void {
  listen(
    root,
    "keydown",
    (event) => {
      if (isTyping(event) || event.altKey || !(event.ctrlKey || event.metaKey)) {
        return;
      }
      const key = event.key.toLowerCase();
      if (key === "z" || key === "y") {
        travel(session, key === "y" || event.shiftKey ? "redo" : "undo");
        event.preventDefault();
      }
    },
    signal,
  );
}
