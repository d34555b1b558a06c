/** One view: the panels in their columns, tied to the session of the model. */

import { h, listen } from "./dom";
import { watchMaximised } from "./maximise";
import { outlast } from "./outlast";
import { listenForHistory } from "./panels/history";
import { PANELS, type Panel } from "./panels/registry";
import type { Filling } from "./places";
import { NavigatorPuller } from "./state/pull_navigator";
import type { Session } from "./state/session";
import { Store } from "./state/store";
import { nodeById } from "./state/tree";
import { INITIAL_VIEW, type ViewState } from "./state/view";
import { installTestHook } from "./test_hook";

const PLACES: readonly Panel["place"][] = ["scan", "picture", "side", "foot"];

export function mountViewer(element: HTMLElement, session: Session, signal: AbortSignal): Filling {
  const root = h("div", {
    class: "signaltree",
    role: "region",
    "aria-label": "SignalTree viewer",
    "data-st": "viewer",
    "data-lm-suppress-shortcuts": "true",
  });
  const view = new Store<ViewState>(INITIAL_VIEW);
  const context = { session, view, signal };

  const columns = new Map(PLACES.map((place) => [place, h("div", { class: `st-column st-${place}` })]));
  root.append(h("div", { class: "st-layout" }, ...columns.values()));
  // The puller listens first: a change is on its way before it is shown.
  const navigator = new NavigatorPuller(session, view, signal);
  for (const panel of PANELS) {
    const section = h("section", { class: `st-panel st-panel-${panel.name}` });
    columns.get(panel.place)?.append(section);
    panel.mount(section, context);
  }
  const showConnection = (): void => {
    root.dataset.connection = session.state.connection;
    // Without a kernel that ever answered there is nothing but the poster to show.
    const { connection, nodes } = session.state;
    root.classList.toggle("st-static", nodes.length === 0 && connection !== "connecting");
  };
  session.store.on(["connection", "nodes"], showConnection, signal);
  showConnection();

  listenForHistory(root, session, signal);
  keepKeys(root, view, signal);
  endDrafts(session, view, signal);
  watchAttention(root, view, signal);
  watchVisibility(root, session, view, signal);
  watchTheme(view, signal);
  element.append(root);
  signal.addEventListener("abort", () => root.remove());
  const returned = outlast(root, signal);
  watchMaximised(root, element, view, returned, signal);
  installTestHook(root, () => ({ ...session.state, view: { ...view.value } }));
  navigator.refresh();
  return { returned };
}

/**
 * Keys pressed in the viewer are for the viewer: the notebook would add or delete cells. Escape and
 * a press outside give them back. The notebook's own press handler keeps the focus where it is, so
 * that without this a click on another cell would leave its keys here.
 */
function keepKeys(root: HTMLElement, view: Store<ViewState>, signal: AbortSignal): void {
  for (const type of ["keydown", "keyup", "keypress"] as const) {
    listen(
      root,
      type,
      (event) => {
        const leaves = event.type === "keydown" && event.key === "Escape" && !event.defaultPrevented;
        if (leaves && !view.value.maximised) {
          giveFocus(root, root.parentElement);
        }
        event.stopPropagation();
      },
      signal,
    );
  }
  document.addEventListener(
    "pointerdown",
    (event) => {
      const target = event.target instanceof Element ? event.target : null;
      if ((!target || !root.contains(target)) && !view.value.maximised) {
        giveFocus(root, target);
      }
    },
    { capture: true, signal },
  );
}

/** Moves the focus from the viewer to what holds `target`: in a notebook, its cell. */
function giveFocus(root: HTMLElement, target: Element | null): void {
  const focused = document.activeElement;
  if (focused instanceof HTMLElement && root.contains(focused)) {
    focused.blur();
    target?.closest<HTMLElement>("[tabindex]")?.focus({ preventScroll: true });
  }
}

/** Canvases do not follow style sheets: they are drawn again in the new colours. */
function watchTheme(view: Store<ViewState>, signal: AbortSignal): void {
  const observer = new MutationObserver(() => view.set({ theme: view.value.theme + 1 }));
  observer.observe(document.body, { attributeFilter: ["data-jp-theme-name", "data-jp-theme-light"] });
  signal.addEventListener("abort", () => observer.disconnect());
}

/** What was tried is over when the kernel has taken or refused it, or its node is gone. */
function endDrafts(session: Session, view: Store<ViewState>, signal: AbortSignal): void {
  session.store.on(
    ["committed"],
    () => {
      const { committed } = session.state;
      if (view.value.draft && view.value.draft.params === committed?.params) {
        view.set({ draft: null });
      }
    },
    signal,
  );
  session.store.on(
    ["nodes"],
    () => {
      if (view.value.draft && !nodeById(session.state.nodes, view.value.draft.node)) {
        view.set({ draft: null });
      }
    },
    signal,
  );
}

/** The viewer with the pointer or the keyboard in it comes before the others of the page. */
function watchAttention(root: HTMLElement, view: Store<ViewState>, signal: AbortSignal): void {
  const look = (): void =>
    view.set({ attended: root.matches(":hover") || root.contains(document.activeElement) });
  for (const type of ["pointerenter", "pointerleave", "focusin"] as const) {
    listen(root, type, look, signal);
  }
  listen(
    root,
    "focusout",
    (event) => {
      const inside = event.relatedTarget instanceof Node && root.contains(event.relatedTarget);
      view.set({ attended: inside || root.matches(":hover") });
    },
    signal,
  );
}

/** Hidden views ask for nothing; a view that comes back looks whether the kernel is there again. */
function watchVisibility(
  root: HTMLElement,
  session: Session,
  view: Store<ViewState>,
  signal: AbortSignal,
): void {
  let inside = true;
  const look = (): void => {
    const visible = inside && document.visibilityState !== "hidden";
    view.set({ visible });
    if (visible && session.state.connection === "gone") {
      void session.greet();
    }
  };
  const observer = new IntersectionObserver((entries) => {
    inside = entries.at(-1)?.isIntersecting ?? true;
    look();
  });
  observer.observe(root);
  signal.addEventListener("abort", () => observer.disconnect());
  document.addEventListener("visibilitychange", look, { signal });
}
