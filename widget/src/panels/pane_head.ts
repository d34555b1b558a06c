/** The head of a pane: what it shows, the images of a map, and the buttons that enlarge and close it. */

import { h, icon, listen, setAttributes, setText } from "../dom";
import type { ColouringDescription, NodeDescription } from "../protocol/generated";
import { componentNumber, pictureCount, pictureOf } from "../state/images";
import type { Pane } from "./pane";
import type { PanelContext } from "./registry";

export interface Head {
  element: HTMLElement;
  /** One tab for each image of a map, below the head or beside it. */
  components: HTMLElement;
  fill(pane: Pane, count: number): void;
}

export function makeHead(key: number, context: PanelContext, signal: AbortSignal): Head {
  const { session, view } = context;
  const title = h("span", { class: "st-title", "data-st": "signal-title" });
  const note = h("span", { class: "st-note" });
  const components = h("div", { class: "st-tabs", role: "tablist", "aria-label": "Which picture" });
  const close = h(
    "button",
    { class: "st-icon-button", "data-st": "pane-close" },
    icon("M4.5 4.5l7 7M11.5 4.5l-7 7"),
  );
  listen(
    close,
    "click",
    (event) => {
      event.stopPropagation();
      session.closePane(key);
    },
    signal,
  );
  const enlarge = h(
    "button",
    { class: "st-icon-button st-maximise", "data-st": "maximise" },
    icon("M9.5 2.5h4v4M13.5 2.5L9 7M6.5 13.5h-4v-4M2.5 13.5L7 9"),
  );
  listen(
    enlarge,
    "click",
    (event) => {
      event.stopPropagation();
      view.set({ maximised: !view.value.maximised });
    },
    signal,
  );
  const showMaximised = (): void => {
    const { maximised } = view.value;
    const label = maximised ? "Back into the notebook" : "Show over the whole page";
    setAttributes(enlarge, {
      "aria-label": label,
      "aria-pressed": String(maximised),
      title: `${label} (F${maximised ? ", Escape" : ""})`,
    });
  };
  view.on(["maximised"], showMaximised, signal);
  showMaximised();
  const element = h(
    "div",
    { class: "st-head" },
    title,
    note,
    h("span", { class: "st-space" }),
    enlarge,
    close,
  );
  for (const part of [element, components]) {
    listen(part, "click", () => session.focusPane(key), signal);
  }
  setText(title, session.posterText);
  return {
    element,
    components,
    fill(pane, count) {
      const { node } = pane;
      close.hidden = count < 2;
      if (node) {
        setText(title, node.title === "" ? node.name : `${node.name} · ${node.title}`);
        setText(note, node.summary);
        note.hidden = pictureCount(node) > 1 || count > 1;
        title.title = count > 1 ? `${node.name} · ${node.title}\n${node.summary}` : "";
        setAttributes(close, { "aria-label": `Close ${node.name}`, title: `Close ${node.name}` });
        const aspect = aspectOf(session.state.nodes, node);
        pane.surface.element.style.setProperty("--st-aspect", String(aspect));
        setAttributes(pane.surface.overlay, { "aria-label": `Signal: ${node.name}, ${node.title}` });
      }
      fillComponents(components, context, pane, signal);
    },
  };
}

/** Shape of the panel: that of the patterns, so that a map of another shape moves nothing. */
function aspectOf(nodes: readonly NodeDescription[], node: NodeDescription): number {
  const related = [...nodes.filter(({ source }) => source === node.source), node];
  const patterned = related.find(({ signal_axes }) => signal_axes.length > 0);
  const axes = patterned ? patterned.signal_axes : node.navigation_axes;
  const [rows, columns] = axes.slice(-2);
  return rows && columns ? columns.size / rows.size : 1.4;
}

/** One tab per image of a map. */
function fillComponents(
  element: HTMLElement,
  { session }: PanelContext,
  { key, node, state }: Pane,
  signal: AbortSignal,
): void {
  const components = node?.components ?? [];
  const composites = node?.composites ?? [];
  const pictures = [
    ...components.map(({ name, title }) => ({ mark: `component-${name}`, name, title, help: title })),
    ...composites.map(({ name, title, colouring, components: of }) => ({
      mark: `composite-${name}`,
      name,
      title,
      help: compositeHelp(
        colouring,
        of.map((i) => components[i]?.title ?? ""),
      ),
    })),
  ];
  const shown = `${node?.id}\n${pictures.map(({ mark }) => mark).join("\n")}`;
  if (element.dataset.shown !== shown) {
    element.dataset.shown = shown;
    element.replaceChildren(
      ...pictures.map(({ mark, name, title, help }, i) => {
        const tab = h("button", { role: "tab", title: help, "data-st": mark }, ...titled(title || name));
        listen(
          tab,
          "click",
          () => session.setComponent(pictureOf(node, i, state.value.component), key),
          signal,
        );
        return tab;
      }),
    );
  }
  element.hidden = pictures.length < 2;
  const shownPart = node ? componentNumber(node, state.value.component) : 0;
  [...element.children].forEach((tab, i) => {
    setAttributes(tab, { "aria-selected": String(i === shownPart) });
  });
}

/** What a composite shows. */
function compositeHelp(colouring: ColouringDescription, titles: readonly string[]): string {
  if (colouring === "colours") {
    return "The pixels in their own colours";
  }
  return colouring === "wheel"
    ? `${titles.join(" and ")} in one picture: the direction is the hue, the length the brightness`
    : `${titles.join(", ")} in one picture: red, green, blue`;
}

/** `ε_xx` with a subscript, `ε_xx error` too; other titles as they are. */
function titled(title: string): (Node | string)[] {
  const [, base, index, rest = ""] = /^(\S{1,2})_(\S+)( .*)?$/.exec(title) ?? [];
  return base && index ? [base, h("sub", {}, index), rest] : [title];
}
