/** The pictures: one pane, or several nodes side by side at the same scan position. */

import { h } from "../dom";
import { makePane, type Pane } from "./pane";
import type { Panel } from "./registry";

export const signal: Panel = {
  name: "signal",
  place: "picture",
  mount(element, context) {
    const { session, view, signal } = context;
    const list = h("div", { class: "st-panes", "data-st": "panes" });
    element.append(list);
    const panes = new Map<number, Pane>();

    /** The picture of the focused pane is that of the view. */
    const mirror = (): void => {
      const now = panes.get(session.state.focused)?.state.value;
      if (!now) {
        return;
      }
      // Until a new pane has its picture the panels stay as they are.
      view.set({ picture: now.picture ?? view.value.picture, late: now.late, failure: now.failure });
    };
    const arrange = (): void => {
      const wanted = session.panes;
      for (const [key, pane] of panes) {
        if (!wanted.some((choice) => choice.key === key)) {
          panes.delete(key);
          pane.close();
        }
      }
      wanted.forEach((choice, i) => {
        let pane = panes.get(choice.key);
        if (!pane) {
          pane = makePane(choice.key, context);
          panes.set(choice.key, pane);
          pane.state.on(["picture", "late", "failure"], mirror, pane.signal);
        }
        if (list.children[i] !== pane.element) {
          list.insertBefore(pane.element, list.children[i] ?? null);
        }
        pane.choose(choice, wanted.length);
      });
      list.classList.toggle("st-several", wanted.length > 1);
      mirror();
    };
    session.store.on(
      ["node", "component", "panes", "focused", "companion", "nodes", "operations"],
      arrange,
      signal,
    );
    arrange();
  },
};
