/** The picture of the shown node: a pattern, a spectrum or a map, with peaks and marks over it. */

import { h, setAttributes, setText } from "../dom";
import { axisText, numberText, scaleBar, withUnits } from "../geometry/axes";
import { isInside, type Point, pixelAt } from "../geometry/fit";
import { checksum, PEAK_COLUMNS } from "../protocol/buffers";
import type { AxisDescription, NodeDescription } from "../protocol/generated";
import { drawPeaks, drawScaleBar, drawTarget } from "../render/overlay";
import { Surface } from "../render/surface";
import { contrastOf, levelsKey, pictureClass } from "../state/contrast";
import type { Picture } from "../state/frame_cache";
import { nodeById, parametersOfKind, peakRadius } from "../state/tree";
import { recordFrame } from "../test_hook";
import { moveByKey } from "./keys";
import { drawPosition, drawRegions, MARK } from "./navigator";
import type { Panel, PanelContext } from "./registry";

export const signal: Panel = {
  name: "signal",
  place: "picture",
  mount(element, context) {
    const { session, view, signal } = context;
    const surface = new Surface("signal", "Signal: picture of the shown node at the scan position.", signal);
    const title = h("span", { class: "st-title", "data-st": "signal-title" });
    const note = h("span", { class: "st-note" });
    const components = h("div", { class: "st-tabs", role: "tablist", "aria-label": "Image of the map" });
    const readout = h("div", { class: "st-readout", "data-st": "signal-readout", "aria-live": "off" });
    const failure = h("div", {
      class: "st-failure",
      role: "alert",
      "data-st": "signal-failure",
      hidden: true,
    });
    surface.element.append(failure, h("div", { class: "st-busy" }));
    element.append(h("div", { class: "st-head" }, title, note, components), surface.element, readout);
    components.hidden = true;
    const poster = posterOf(context);
    if (poster) {
      surface.element.append(poster);
    }
    setText(title, session.posterText);

    let cursor: Point | null = null;
    const describe = (): void => setText(readout, cursorText(surface, context, cursor));
    const draw = (): void => {
      const { picture } = view.value;
      if (picture) {
        poster?.remove();
        show(surface, context, picture);
        describe();
      }
    };
    const head = (): void => {
      const { node } = session;
      if (node) {
        setText(title, node.title === "" ? node.name : `${node.name} · ${node.title}`);
        setText(note, node.summary);
        note.hidden = node.components.length > 1;
        surface.element.style.setProperty("--st-aspect", String(aspectOf(session.store.value.nodes, node)));
        setAttributes(surface.overlay, { "aria-label": `Signal: ${node.name}, ${node.title}` });
        fillComponents(components, context, node);
      }
    };

    surface.onOverlay = (canvas) => drawMarks(canvas, surface, context);
    surface.onResize = () => {
      const ratio = globalThis.devicePixelRatio || 1;
      view.set({ size: [Math.round(surface.outer.width * ratio), Math.round(surface.outer.height * ratio)] });
    };
    view.on(["picture"], draw, signal);
    view.on(["theme"], surface.redraw, signal);
    view.on(["late"], () => element.classList.toggle("st-late", view.value.late), signal);
    view.on(["failure"], () => fillFailure(failure, context), signal);
    view.on(
      ["picking"],
      () => {
        element.classList.toggle("st-picking", view.value.picking?.kind === "signal_point");
      },
      signal,
    );
    session.store.on(["levels", "contrast"], draw, signal);
    session.store.on(["node", "nodes", "component"], head, signal);
    session.store.on(["node", "nodes", "position"], () => surface.redraw(), signal);
    listen(surface, context, (point) => {
      cursor = point;
      describe();
    });
    head();
  },
};

function show(surface: Surface, { session }: PanelContext, picture: Picture): void {
  const { reply, samples, peaks } = picture;
  const node = nodeById(session.store.value.nodes, reply.node);
  if (!node) {
    return;
  }
  const { levels, contrast } = session.store.value;
  const axes = axesOf(node, picture);
  surface.show(
    {
      samples,
      size: { width: reply.width, height: reply.height },
      full: { width: reply.full_width, height: reply.full_height },
      axis: axes.at(-1) ?? null,
      valueUnits: unitsOf(node, reply.component),
    },
    levels[levelsKey(node, reply.component)] ?? { low: reply.percentiles[0], high: reply.percentiles[1] },
    contrastOf(contrast[pictureClass(node, reply.component)]),
  );
  recordFrame({
    node: reply.node,
    index: reply.index,
    component: reply.component,
    generation: reply.generation,
    revision: reply.revision,
    complete: reply.complete,
    peaks: peaks ? peaks.length / PEAK_COLUMNS : null,
    get checksum() {
      return checksum(samples);
    },
  });
}

function drawMarks(canvas: CanvasRenderingContext2D, surface: Surface, context: PanelContext): void {
  const { session, view } = context;
  const { picture } = view.value;
  const node = nodeById(session.store.value.nodes, picture?.reply.node ?? null);
  if (!picture || !node) {
    return;
  }
  if (picture.reply.space === "navigation") {
    drawRegions(canvas, surface, context, null);
    drawPosition(canvas, surface, session.store.value.position);
  } else {
    const scale = surface.rect.width / surface.span.width;
    const points: Point[] = [];
    const rows = picture.peaks ?? new Float32Array();
    for (let row = 0; row + 1 < rows.length; row += PEAK_COLUMNS) {
      points.push(surface.at((rows[row + 1] as number) + 0.5, (rows[row] as number) + 0.5));
    }
    drawPeaks(canvas, points, Math.max(3, (peakRadius(session.store.value.nodes, node) ?? 4) * scale));
    for (const { value } of parametersOfKind(session.node, session.store.value.operations, "signal_point")) {
      if (Array.isArray(value) && typeof value[0] === "number" && typeof value[1] === "number") {
        drawTarget(canvas, surface.at(value[1] + 0.5, value[0] + 0.5), MARK);
      }
    }
  }
  const axis = axesOf(node, picture).at(-1);
  const bar = axis && !surface.isLine ? scaleBar(axis, surface.span.width) : null;
  if (bar) {
    drawScaleBar(canvas, surface.rect, bar);
  }
}

function listen(surface: Surface, context: PanelContext, point: (pixel: Point | null) => void): void {
  const { session, view, signal } = context;
  const canvas = surface.overlay;
  let dragging = false;
  const isMap = (): boolean => view.value.picture?.reply.space === "navigation";
  const follow = (event: PointerEvent): void => {
    const pixel = pixelAt(surface.pixelsOf(event), surface.span);
    const { position } = session.store.value;
    session.moveTo(position.length > 1 ? [...position.slice(0, -2), pixel.y, pixel.x] : [pixel.x]);
  };
  canvas.addEventListener(
    "pointerdown",
    (event) => {
      const { picking } = view.value;
      canvas.focus({ preventScroll: true });
      if (event.button !== 0) {
        return;
      }
      if (picking?.kind === "signal_point" && !isMap()) {
        const { x, y } = surface.pixelsOf(event);
        view.set({ picking: null });
        // Pixel centres have whole numbers in the parameters.
        picking.done([Math.round((y - 0.5) * 10) / 10, Math.round((x - 0.5) * 10) / 10]);
      } else if (isMap()) {
        dragging = true;
        canvas.setPointerCapture?.(event.pointerId);
        follow(event);
      }
      event.preventDefault();
    },
    { signal },
  );
  canvas.addEventListener(
    "pointermove",
    (event) => {
      if (dragging) {
        follow(event);
      }
      const inside = isInside({ x: event.offsetX, y: event.offsetY }, surface.rect);
      point(inside ? surface.pixelsOf(event) : null);
    },
    { signal },
  );
  for (const type of ["pointerup", "pointercancel"] as const) {
    canvas.addEventListener(
      type,
      () => {
        dragging = false;
      },
      { signal },
    );
  }
  canvas.addEventListener("pointerleave", () => point(null), { signal });
  canvas.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Escape" && view.value.picking) {
        view.set({ picking: null });
      } else {
        moveByKey(event, session);
      }
    },
    { signal },
  );
}

function axesOf(node: NodeDescription, picture: Picture): readonly AxisDescription[] {
  return picture.reply.space === "navigation" ? node.navigation_axes : node.signal_axes;
}

/** Shape of the panel: that of the patterns, so that a map of another shape moves nothing. */
function aspectOf(nodes: readonly NodeDescription[], node: NodeDescription): number {
  const related = [...nodes.filter(({ source }) => source === node.source), node];
  const patterned = related.find(({ signal_axes }) => signal_axes.length > 0);
  const axes = patterned ? patterned.signal_axes : node.navigation_axes;
  const [rows, columns] = axes.slice(-2);
  return rows && columns ? columns.size / rows.size : 1.4;
}

function unitsOf(node: NodeDescription, component: number): string {
  return node.components[component]?.units ?? node.value_units;
}

/** `ky 1.25 1/nm, kx −0.40 1/nm · 37 counts`. */
function cursorText(surface: Surface, { session, view }: PanelContext, cursor: Point | null): string {
  const { picture } = view.value;
  const node = nodeById(session.store.value.nodes, picture?.reply.node ?? null);
  if (!picture || !node) {
    return "";
  }
  if (!cursor) {
    const count = picture.reply.peak_count;
    return count === null ? "\u00a0" : `${count} ${count === 1 ? "peak" : "peaks"}`;
  }
  const pixel = pixelAt(cursor, { width: picture.reply.full_width, height: picture.reply.full_height });
  const axes = axesOf(node, picture);
  const places = axes.slice(-2).map((axis, i, shown) => {
    const isColumn = i === shown.length - 1;
    return `${axis.name} ${axisText(axis, isColumn ? pixel.x : pixel.y)}`;
  });
  const value = withUnits(numberText(surface.sampleAt(pixel)), unitsOf(node, picture.reply.component));
  return `${places.join(", ")} · ${value}`;
}

/** One tab per image of a map. */
function fillComponents(
  element: HTMLElement,
  { session, signal }: PanelContext,
  node: NodeDescription,
): void {
  const names = node.components.map((component) => component.name).join("\n");
  const shown = `${node.id}\n${names}`;
  if (element.dataset.shown !== shown) {
    element.dataset.shown = shown;
    element.replaceChildren(
      ...node.components.map((component, i) => {
        const tab = h(
          "button",
          { type: "button", role: "tab", title: component.title, "data-st": `component-${component.name}` },
          ...titled(component.title || component.name),
        );
        tab.addEventListener("click", () => session.setComponent(i), { signal });
        return tab;
      }),
    );
  }
  element.hidden = node.components.length < 2;
  [...element.children].forEach((tab, i) => {
    setAttributes(tab, { "aria-selected": String(i === session.store.value.component) });
  });
}

/** `ε_xx` with a subscript; other titles as they are. */
function titled(title: string): (Node | string)[] {
  const [, base, index] = /^(\S{1,2})_(\S+)$/.exec(title) ?? [];
  return base && index ? [base, h("sub", {}, index)] : [title];
}

function fillFailure(element: HTMLElement, { view }: PanelContext): void {
  const { failure } = view.value;
  element.hidden = failure === null;
  element.replaceChildren(
    h("strong", {}, failure?.message ?? ""),
    ...(failure?.hint ? [h("span", {}, failure.hint)] : []),
  );
}

/** The picture stored in the model: there before the first answer, and without any kernel. */
function posterOf({ session, signal }: PanelContext): HTMLImageElement | null {
  if (!session.poster) {
    return null;
  }
  const address = URL.createObjectURL(new Blob([session.poster], { type: "image/png" }));
  signal.addEventListener("abort", () => URL.revokeObjectURL(address));
  return h("img", { class: "st-poster", src: address, alt: session.posterText, "data-st": "poster" });
}
