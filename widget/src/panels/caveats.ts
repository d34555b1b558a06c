/** What must be known before the numbers of the shown node are trusted: a badge with their count, and the list. */

import { h, icon, listen, setAttributes, setText } from "../dom";
import type { CaveatDescription } from "../protocol/generated";
import type { Session } from "../state/session";
import { openPopover, type Popover } from "./popover";
import type { PanelContext } from "./registry";

/** The badge: a button that opens the list. `host` holds the dialog. */
export function caveatsBadge(host: HTMLElement, context: PanelContext): HTMLElement {
  const { session, signal } = context;
  const count = h("span", { "data-st": "caveats-count" });
  const button = h(
    "button",
    {
      class: "st-button st-quiet st-caveats",
      "aria-haspopup": "dialog",
      "aria-expanded": "false",
      "data-st": "caveats",
      hidden: true,
    },
    icon("M8 2.5L14.5 13.5H1.5z", "M8 6.5v3.5", "M8 11.7v.3"),
    count,
  );
  let popover: Popover | null = null;
  const show = (): void => {
    const caveats = caveatsOf(session);
    button.hidden = caveats.length === 0;
    if (button.hidden) {
      popover?.close();
      return;
    }
    setText(count, String(caveats.length));
    const texts = caveats.map(({ text }) => text).join("\n");
    setAttributes(button, {
      title: `Before trusting the numbers of ${session.node?.name}:\n${texts}`,
      "aria-label": `${caveats.length} ${caveats.length === 1 ? "caveat" : "caveats"}`,
    });
  };
  listen(
    button,
    "click",
    () => {
      if (popover?.element.isConnected) {
        popover.close();
        return;
      }
      popover = openPopover(
        host,
        button,
        "Caveats",
        "caveats-dialog",
        (_, closed) => [list(session, closed)],
        signal,
      );
    },
    signal,
  );
  session.store.on(["node", "nodes"], show, signal);
  show();
  return button;
}

function caveatsOf({ node }: Session): readonly CaveatDescription[] {
  return node?.caveats ?? [];
}

/** Follows what is found while the file is read. */
function list(session: Session, signal: AbortSignal): HTMLElement {
  const title = h("div", { class: "st-title" });
  const items = h("ul", { class: "st-caveat-list", tabindex: 0 });
  const fill = (): void => {
    setText(title, `Before trusting the numbers of ${session.node?.name ?? ""}`);
    const texts = caveatsOf(session).map(({ text }) => text);
    const shown = [...items.children].map((item) => item.textContent);
    if (texts.join("\n") !== shown.join("\n")) {
      items.replaceChildren(...texts.map((text) => h("li", {}, text)));
    }
  };
  session.store.on(["node", "nodes"], fill, signal);
  fill();
  return h("div", {}, title, items);
}
