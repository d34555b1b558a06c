/** The nodes as a cell of code that makes them again. */

import { copyButton } from "../clipboard";
import { h, listen, setAttributes, setText } from "../dom";
import { codeOf, codeOfTree } from "../state/export";
import { type Fill, opensPopover } from "./popover";
import type { PanelContext } from "./registry";

/** The button that opens the code inside `host`. */
export function codeButton(host: HTMLElement, context: PanelContext): HTMLElement {
  const { session, signal } = context;
  const button = h(
    "button",
    {
      class: "st-button st-quiet",
      "aria-haspopup": "dialog",
      "aria-expanded": "false",
      title: "The tree as a cell of code that makes it again",
      "data-st": "export",
    },
    "Code",
  );
  const fill: Fill = (_, closed) => codeView(context, closed);
  const popover = opensPopover(host, button, "Code of the tree", "export-dialog", fill, signal);
  listen(button, "click", popover.toggle, signal);
  const show = (): void => {
    button.hidden = session.state.nodes.length === 0;
  };
  session.store.on(["nodes"], show, signal);
  show();
  return button;
}

function codeView({ session }: PanelContext, signal: AbortSignal): Node[] {
  const code = h("code", { "data-st": "export-code" });
  let whole = false;
  const tab = (text: string, all: boolean, name: string): HTMLElement => {
    const element = h("button", { role: "tab", "data-st": name }, text);
    listen(
      element,
      "click",
      () => {
        whole = all;
        fill();
      },
      signal,
    );
    return element;
  };
  const tabs = [tab("To the shown node", false, "export-node"), tab("Whole tree", true, "export-tree")];
  const fill = (): void => {
    const { nodes, node } = session.state;
    setText(code, whole ? codeOfTree(nodes) : codeOf(nodes, node));
    tabs.forEach((element, i) => {
      setAttributes(element, { "aria-selected": String((i === 1) === whole) });
    });
  };
  session.store.on(["node", "nodes"], fill, signal);
  fill();
  const copy = copyButton("Copy this cell", "export-copy", () => code.textContent ?? "", signal);
  const choice = h(
    "div",
    { class: "st-tabs", role: "tablist", "aria-label": "What the code makes" },
    ...tabs,
  );
  return [
    h("div", { class: "st-popover-row" }, choice, h("span", { class: "st-space" }), ...copy),
    h("pre", { class: "st-export", tabindex: 0 }, code),
  ];
}
