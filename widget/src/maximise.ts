/** The viewer over the whole page: in a dialog of the page's body, where no cell can clip or replace it. */

import { h, isTyping, listen } from "./dom";
import type { Store } from "./state/store";
import type { ViewState } from "./state/view";

/** `returned` gives `root` back what it loses by each move. */
export function watchMaximised(
  root: HTMLElement,
  home: HTMLElement,
  view: Store<ViewState>,
  returned: () => void,
  signal: AbortSignal,
): void {
  let stage: HTMLDialogElement | null = null;
  const close = (): void => {
    if (!stage) {
      return;
    }
    home.append(root);
    home.style.minHeight = "";
    stage.remove();
    stage = null;
    returned();
  };
  const open = (): void => {
    // The notebook below does not move.
    home.style.minHeight = `${root.offsetHeight}px`;
    stage = h("dialog", {
      class: "st-stage",
      "aria-label": "SignalTree viewer",
      "data-lm-suppress-shortcuts": "true",
    });
    stage.append(root);
    document.body.append(stage);
    stage.addEventListener("close", () => view.set({ maximised: false }));
    stage.showModal?.();
    returned();
  };
  listen(
    root,
    "keydown",
    (event) => {
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event);
      if (plain && event.key.toLowerCase() === "f") {
        view.set({ maximised: !view.value.maximised });
        event.preventDefault();
      }
    },
    signal,
  );
  view.on(["maximised"], () => (view.value.maximised ? open() : close()), signal);
  signal.addEventListener("abort", () => stage?.remove());
}
