/** What the focused pane's node and the one beside it differ in. */

import { h, setText } from "../dom";
import type { NodeDescription } from "../protocol/generated";
import { type Difference, differences as differencesOf, valueText } from "../state/differences";
import { nodeById } from "../state/tree";
import type { Panel, PanelContext } from "./registry";

export const differences: Panel = {
  name: "differences",
  place: "side",
  mount(element, context) {
    const { session, signal } = context;
    const title = h("span", { class: "st-title" });
    const body = h("div", { class: "st-differences", "data-st": "differences" });
    element.append(h("div", { class: "st-head" }, title), body);
    const fill = (): void => {
      const other = otherNode(context);
      const { node } = session;
      element.hidden = !node || !other;
      if (node && other) {
        const { nodes, operations } = session.state;
        const found = differencesOf(node, other, nodes, operations);
        setText(title, "Differences");
        body.replaceChildren(found.length === 0 ? same(node, other) : table(node, other, found));
      }
    };
    session.store.on(["node", "nodes", "panes", "focused", "companion", "operations"], fill, signal);
    fill();
  },
};

/** The node of the nearest other pane; a pattern beside its own detector is not compared. */
function otherNode({ session }: PanelContext): NodeDescription | null {
  const { panes } = session;
  const at = panes.findIndex(({ key }) => key === session.state.focused);
  const others = [...panes.slice(at + 1), ...panes.slice(0, Math.max(0, at)).reverse()];
  const other = others.find((pane) => !pane.companion && pane.node !== panes[at]?.node);
  return nodeById(session.state.nodes, other?.node ?? null);
}

function same(node: NodeDescription, other: NodeDescription): HTMLElement {
  return h("p", { class: "st-about" }, `${node.name} and ${other.name} have the same parameters.`);
}

function table(
  node: NodeDescription,
  other: NodeDescription,
  found: readonly Difference[],
): HTMLTableElement {
  const several = new Set(found.map(({ operation }) => operation)).size > 1;
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }), column(node.name), column(other.name))),
    h(
      "tbody",
      {},
      ...found.map(({ operation, parameter, left, right }) => {
        const name = parameter ? parameter.name.replaceAll("_", " ") : operation;
        const text = (value: unknown): string =>
          parameter ? valueText(value, parameter.units) : String(value ?? "\u2013");
        return h(
          "tr",
          { title: parameter?.help || null },
          h(
            "th",
            { scope: "row" },
            ...(several && parameter ? [h("span", { class: "st-units" }, `${operation}: `)] : []),
            name,
          ),
          h("td", {}, text(left)),
          h("td", {}, text(right)),
        );
      }),
    ),
  );
}

function column(name: string): HTMLElement {
  return h("th", { scope: "col" }, name);
}
