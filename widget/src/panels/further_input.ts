/** The signal a node takes beside the one it stands below: another one, or none. */

import { h, listen, setAttributes, setHidden, setText } from "../dom";
import type { NodeDescription } from "../protocol/generated";
import { nodeById } from "../state/tree";
import type { PanelContext } from "./registry";

export function furtherInput({ session, signal }: PanelContext): { element: HTMLElement; fill(): void } {
  const label = h("span", { class: "st-label" });
  const select = h("select", { class: "st-field st-grow", "data-st": "further-input" });
  const element = h(
    "label",
    { class: "st-row", hidden: true },
    label,
    h("div", { class: "st-inputs" }, select),
  );
  /** For which shapes of signals the kernel was asked, and what it said. A parameter that changes none asks nothing. */
  let asked = "";
  let possible: readonly NodeDescription[] = [];
  let offered = "";

  const show = (): void => {
    const { node, operation } = session;
    const now = nodeById(session.state.nodes, node?.parents[1] ?? null);
    const all = now && !possible.some(({ id }) => id === now.id) ? [now, ...possible] : possible;
    const options = all.map(({ id, name, summary }) => [String(id), `${name}  ${summary}`]);
    if (!operation?.further_inputs?.[0]?.required) {
      options.unshift(["", all.length > 0 ? "none" : "none: no other open signal fits"]);
    }
    // An open list stays as it is while nothing changes.
    const texts = String(options);
    if (offered !== texts) {
      offered = texts;
      select.replaceChildren(...options.map(([value, text]) => h("option", { value }, text ?? "")));
    }
    select.value = String(now?.id ?? "");
  };
  listen(
    select,
    "change",
    async () => {
      const { node } = session;
      const further = select.value === "" ? [] : [Number(select.value)];
      if (node && !(await session.act({ type: "set_inputs", node: node.id, further }))) {
        show();
      }
    },
    signal,
  );
  return {
    element,
    fill() {
      const { node, operation } = session;
      const input = operation?.further_inputs?.[0];
      setHidden(element, !input);
      if (!node || !input) {
        return;
      }
      setText(label, input.required ? input.name : `with ${input.name}`);
      setAttributes(element, { title: input.help });
      const state = [node.id, ...session.state.nodes.map(({ id, summary }) => `${id}: ${summary}`)].join(
        "\n",
      );
      if (state !== asked) {
        if (asked.split("\n")[0] !== String(node.id)) {
          possible = [];
        }
        asked = state;
        void session.possible(node.id).then((nodes) => {
          if (nodes && asked === state) {
            possible = nodes;
            show();
          }
        });
      }
      show();
    },
  };
}
