/** One picture of several: a pattern, a spectrum or a map, with its head, marks and tools. */

import { h, listen, setAttributes } from "../dom";
import { axisText, barAxis, lineAxis } from "../geometry/axes";
import { clamp, isInside, type Point, pixelAt } from "../geometry/fit";
import { writingOf } from "../geometry/units";
import { checksum } from "../protocol/buffers";
import type { AxisDescription, FrameReply, NodeDescription } from "../protocol/generated";
import { makeReadout } from "../readout";
import type { Composed } from "../render/composite";
import { automaticLevels } from "../render/levels";
import { Surface } from "../render/surface";
import type { Levels } from "../render/table";
import { contrastOf, levelsFor, pictureClass } from "../state/contrast";
import { hasLevels, pictureCount, showsOf } from "../state/images";
import type { PaneChoice } from "../state/panes";
import { type Peak, type Picture, peakAt } from "../state/picture";
import { FramePuller } from "../state/pull";
import type { Session } from "../state/session";
import { Store } from "../state/store";
import { nodeById, shapeOf } from "../state/tree";
import { INITIAL_PANE, type PaneState } from "../state/view";
import { recordFrame } from "../test_hook";
import { moveByKey } from "./keys";
import { type Drag, LAYERS, type Layer } from "./layers";
import { circleOf } from "./marks";
import { makeHead } from "./pane_head";
import type { PanelContext } from "./registry";
import { stackSlider } from "./stack_slider";
import { valueText } from "./values";
import { withPictures } from "./with_pictures";
import { type Zooming, zooming } from "./zooming";

export type { Drag, Layer } from "./layers";

export interface Pane {
  readonly key: number;
  readonly session: Session;
  readonly state: Store<PaneState>;
  readonly surface: Surface;
  readonly element: HTMLElement;
  readonly signal: AbortSignal;
  /** The node it shows. */
  readonly node: NodeDescription | null;
  /** Whether it has the selected node. */
  readonly focused: boolean;
  /** Shows what was chosen for it, as one of `count` panes. */
  choose(choice: PaneChoice, count: number): void;
  close(): void;
}

export function makePane(key: number, context: PanelContext): Pane {
  const { session, view } = context;
  const closing = new AbortController();
  const signal = AbortSignal.any([context.signal, closing.signal]);
  const state = new Store<PaneState>(INITIAL_PANE);
  const surface = new Surface("signal", "Signal: picture of the shown node at the scan position.", signal);
  const head = makeHead(key, context, signal);
  const stack = stackSlider(key, context, signal);
  const readout = makeReadout("signal-readout", "off");
  const failure = h("div", { class: "st-failure", role: "alert", "data-st": "signal-failure", hidden: true });
  surface.element.prepend(failure);
  surface.element.append(h("div", { class: "st-busy" }));
  const element = h(
    "div",
    { class: "st-pane", role: "group", "data-pane": key },
    head.element,
    head.components,
    surface.element,
    readout.element,
    stack.element,
  );
  let companion = false;
  const pane: Pane = {
    key,
    session,
    state,
    surface,
    element,
    signal,
    get node() {
      return nodeById(session.state.nodes, state.value.node);
    },
    get focused() {
      return session.state.focused === key;
    },
    choose(choice, count) {
      companion = choice.companion;
      element.classList.toggle("st-focused", pane.focused);
      element.classList.toggle("st-companion", companion);
      state.set({ node: choice.node, component: choice.component });
      head.fill(pane, count);
      stack.fill(pane);
      const name = pane.node?.name ?? "";
      setAttributes(element, {
        "aria-label": count > 1 ? `Picture of ${name}${pane.focused ? ", selected" : ""}` : null,
      });
    },
    close: () => {
      closing.abort();
      element.remove();
    },
  };
  // The puller listens first: a change is on its way before it is shown.
  const puller = new FramePuller(session, view, state, () => pane.focused, signal);
  const zoom = zooming(surface, () => (pane.node ? shapeOf(pane.node).key : null), session, signal);
  const layers = LAYERS.map((make) => make(pane, { ...context, signal }));
  surface.onOverlay = (sheet) => {
    for (const layer of layers) {
      layer.draw?.(sheet, pane);
    }
  };
  surface.barAxis = () => {
    const { picture } = state.value;
    return pane.node && picture ? barAxis(axesOf(pane.node, picture)) : null;
  };
  surface.onResize = () => {
    const ratio = globalThis.devicePixelRatio || 1;
    state.set({ size: [Math.round(surface.outer.width * ratio), Math.round(surface.outer.height * ratio)] });
  };

  let cursor: Point | null = null;
  const describe = (): void => readout.show(cursorText(pane, cursor), surface.outer.width);
  /** The picture whose marks are on the overlay. */
  let marked: Picture | null = null;
  const draw = (): void => {
    const { picture } = state.value;
    if (picture) {
      zoom.follow();
      show(pane, context, picture);
      describe();
      if (!marked || !sameMarks(marked, picture)) {
        surface.redraw();
      }
      marked = picture;
    }
  };
  /** Until its own picture is there the pane shows that of another node, and says so. */
  const compare = (): void => {
    element.classList.toggle("st-stale", isOther(pane, session));
  };
  state.on(["picture"], draw, signal);
  state.on(["picture", "node", "component"], compare, signal);
  session.store.on(["position"], compare, signal);
  state.on(["late"], () => element.classList.toggle("st-late", state.value.late), signal);
  const fail = (): void => fillFailure(failure, pane, view.value.draft !== null);
  state.on(["failure"], fail, signal);
  view.on(["draft"], fail, signal);
  view.on(["theme", "draft", "region"], surface.redraw, signal);
  const pick = (): void => {
    element.classList.toggle("st-picking", view.value.picking?.kind === "signal_point");
  };
  view.on(["picking"], pick, signal);
  session.store.on(["levels", "sameLevels", "contrast"], draw, signal);
  session.store.on(["node", "component"], () => session.state.sameLevels && !pane.focused && draw(), signal);
  session.store.on(["node", "nodes"], () => surface.redraw(), signal);
  const cross = withPictures(surface.redraw, { ...context, signal });
  session.store.on(
    ["position"],
    () => {
      if (state.value.picture?.reply.space === "navigation" && pane.node) {
        cross();
        const position = session.positionIn(pane.node);
        zoom.reveal({ x: (position.at(-1) ?? 0) + 0.5, y: (position.at(-2) ?? 0) + 0.5 });
      }
    },
    signal,
  );
  listenTo(pane, context, { layers, zoom, isCompanion: () => companion }, (point) => {
    cursor = point;
    describe();
  });
  pick();
  puller.refresh("settled");
  return pane;
}

/** Whether the picture is that of another node, another one of it, or of another plane of its scan. */
function isOther(pane: Pane, session: Session): boolean {
  const { picture, node, component } = pane.state.value;
  if (!picture || picture.reply.node !== node) {
    return picture !== null;
  }
  const { space, index, component: drawn } = picture.reply;
  const position = pane.node ? session.positionIn(pane.node) : index;
  const elsewhere = index.slice(0, -2).some((at, axis) => at !== position[axis]);
  return (pictureCount(pane.node) > 1 && drawn !== component) || (space === "navigation" && elsewhere);
}

/** Whether the overlay stays as it is: of a plain frame it shows nothing. */
function sameMarks(one: Picture, other: Picture): boolean {
  const { node, space } = other.reply;
  return one.reply.node === node && one.reply.space === space && one.peaks === other.peaks;
}

/**
 * What a pane may show the detector of: its own node, or one that is computed from it, the selected one or one in another
 * pane.
 */
export function paneDetectors({ node, session }: Pane): NodeDescription[] {
  const { nodes, node: selected } = session.state;
  const shown = session.panes.map((choice) => choice.node).filter((id) => id !== selected);
  const below = [selected, ...shown]
    .map((id) => nodeById(nodes, id))
    .filter((other) => other !== null && other.parents[0] === node?.id);
  return [node, ...below].filter((found) => found !== null);
}

function show(pane: Pane, { session }: PanelContext, picture: Picture): void {
  const { reply, peaks } = picture;
  const node = nodeById(session.state.nodes, reply.node);
  if (!node) {
    return;
  }
  const kind = pictureClass(node, reply.component);
  const composed = composedOf(node, picture);
  pane.surface.show(
    {
      pixels: composed
        ? { samples: picture.samples, packed: null, planes: picture.planes, composed }
        : picture,
      size: { width: reply.width, height: reply.height },
      full: { width: reply.full_width, height: reply.full_height },
      part: reply.part,
      block: reply.block,
      axis: lineAxis(axesOf(node, picture)),
      writing: writingOf(node, reply.component),
    },
    drawnLevels(session, node, reply),
    contrastOf(session.state.contrast, kind),
  );
  if (reply.full_width * reply.full_height === 1) {
    pane.surface.number = textAt(node, picture, pane.surface, { x: 0, y: 0 });
  }
  if (!pane.focused) {
    return;
  }
  recordFrame({
    node: reply.node,
    index: reply.index,
    component: reply.component,
    generation: reply.generation,
    revision: reply.revision,
    complete: reply.complete,
    exact: reply.exact,
    draft: reply.draft,
    size: [reply.width, reply.height],
    peaks: peaks?.length ?? null,
    get checksum() {
      return checksum(picture.samples);
    },
  });
}

/** The levels a picture is drawn with: those that are held, or what leaves no choice. */
export function drawnLevels(session: Session, node: NodeDescription, reply: FrameReply): Levels {
  const shows = showsOf(node, reply.component);
  const held = hasLevels(shows) ? levelsFor(session.state, session.node, node, reply.component) : undefined;
  return held ?? automaticLevels(reply.percentiles, reply.extrema, shows);
}

/** What a composite is drawn from; `null` for other pictures. */
function composedOf(node: NodeDescription, { reply, planes }: Picture): Composed | null {
  const { type } = showsOf(node, reply.component);
  const [first, second] = planes;
  if (type === "wheel" && first && second) {
    return { type, y: first, x: second };
  }
  if (type === "colours") {
    return { type, channels: planes, full: reply.ranges?.[0]?.[1] ?? 1 };
  }
  const levels = (reply.ranges ?? []).map(([low, high]) => ({ low, high }));
  return type === "rgb" ? { type, channels: planes, levels } : null;
}

interface Tools {
  layers: readonly Layer[];
  zoom: Zooming;
  isCompanion(): boolean;
}

function listenTo(
  pane: Pane,
  context: PanelContext,
  { layers, zoom, isCompanion }: Tools,
  point: (pixel: Point | null) => void,
): void {
  const { session, view } = context;
  const { surface, signal } = pane;
  const canvas = surface.overlay;
  const highest = layers.toReversed();
  let drag: Drag | null = null;
  const isMap = (): boolean => pane.state.value.picture?.reply.space === "navigation";

  /** What a press begins; the point that is picked begins nothing. */
  const begin = (event: PointerEvent): Drag | null => {
    const at = surface.pixelsOf(event);
    if (zoom.isPan(event)) {
      return zoom.pan(event);
    }
    const { picking } = view.value;
    if (event.button !== 0) {
      return null;
    }
    if (picking?.kind === "signal_point" && !isMap()) {
      view.set({ picking: null });
      // Pixel centres have whole numbers in the parameters.
      picking.done([Math.round((at.y - 0.5) * 10) / 10, Math.round((at.x - 0.5) * 10) / 10]);
      return null;
    }
    for (const layer of highest) {
      const taken = layer.press?.(event, at, pane);
      if (taken) {
        return taken;
      }
    }
    if (!isCompanion()) {
      session.focusPane(pane.key);
    }
    if (isMap()) {
      follow(pane, context, at);
      return { move: (to) => follow(pane, context, to), end: () => {} };
    }
    return surface.zoom.scale > 1 ? zoom.pan(event) : null;
  };
  listen(
    canvas,
    "pointerdown",
    (event) => {
      canvas.focus({ preventScroll: true });
      drag?.end(null, event);
      drag = begin(event);
      if (drag) {
        canvas.setPointerCapture?.(event.pointerId);
      }
      event.preventDefault();
    },
    signal,
  );
  listen(
    canvas,
    "pointermove",
    (event) => {
      const at = surface.pixelsOf(event);
      drag?.move(at, event);
      const inside = isInside(surface.pointOf(event), surface.visible);
      if (!drag) {
        canvas.style.cursor = highest.map((layer) => layer.cursor?.(at, pane)).find(Boolean) ?? "";
      }
      point(inside ? at : null);
    },
    signal,
  );
  for (const type of ["pointerup", "pointercancel"] as const) {
    listen(
      canvas,
      type,
      (event) => {
        drag?.end(type === "pointerup" ? surface.pixelsOf(event) : null, event);
        drag = null;
      },
      signal,
    );
  }
  listen(canvas, "pointerleave", () => point(null), signal);
  listen(
    canvas,
    "keydown",
    (event) => {
      if (event.key === "Escape" && drag) {
        drag.end(null, event);
        drag = null;
        event.preventDefault();
      } else if (event.key === "Escape" && view.value.picking) {
        view.set({ picking: null });
        event.preventDefault();
      } else if (event.key === "Enter" && !event.shiftKey) {
        session.focusPane(pane.key);
        event.preventDefault();
      } else if (!highest.some((layer) => layer.key?.(event, pane)) && !zoom.key(event)) {
        moveByKey(event, session);
      }
    },
    signal,
  );
}

/** The scan position goes to a pixel of a map. */
function follow({ surface, node }: Pane, { session }: PanelContext, at: Point): void {
  const pixel = pixelAt(at, surface.span);
  const position = node ? session.positionIn(node) : session.state.position;
  session.moveWithin(node, position.length > 1 ? [...position.slice(0, -2), pixel.y, pixel.x] : [pixel.x]);
}

function axesOf(node: NodeDescription, picture: Picture): readonly AxisDescription[] {
  return picture.reply.space === "navigation" ? node.navigation_axes : node.signal_axes;
}

/**
 * `ky 1.25 1/nm, kx −0.40 1/nm · 37 counts`, with `, mean of 2 × 2` where pixels share a sample; over a peak what was
 * measured of it.
 */
function cursorText(pane: Pane, cursor: Point | null): string {
  const { node, state, surface } = pane;
  const { picture } = state.value;
  if (!picture || node?.id !== picture.reply.node) {
    return "";
  }
  if (!cursor) {
    const count = picture.reply.peak_count;
    return count === null ? "\u00a0" : `${count} ${count === 1 ? "peak" : "peaks"}`;
  }
  const peak = peakAt(picture.peaks, [cursor.y - 0.5, cursor.x - 0.5], circleOf(pane) / surface.scale);
  if (peak) {
    return peakText(peak, node.signal_axes);
  }
  const pixel = pixelAt(cursor, { width: picture.reply.full_width, height: picture.reply.full_height });
  const axes = axesOf(node, picture);
  const places = axes.slice(-2).map((axis, i, shown) => {
    const isColumn = i === shown.length - 1;
    return `${axis.name} ${axisText(axis, isColumn ? pixel.x : pixel.y)}`;
  });
  return [places.join(", "), textAt(node, picture, surface, pixel)].filter((part) => part !== "").join(" · ");
}

/** `ky 45.31 ± 0.02, kx 60.12 ± 0.03 px · misfit 1.02 · score 45.2 · spread 0.03 px²`, as far as the finder knows it. */
export function peakText(peak: Peak, axes: readonly AxisDescription[]): string {
  const [ky = 0, kx = 0, misfit, kyError = 0, kxError = 0, score, spread] = peak;
  const place = (name: string, value: number, error: number): string => {
    const digits = error > 0 ? clamp(Math.ceil(-Math.log10(error)), 0, 5) : 1;
    return `${name} ${value.toFixed(digits)}${error > 0 ? ` ± ${error.toFixed(digits)}` : ""}`;
  };
  const [row, column] = axes;
  const others = [
    ["misfit", misfit, ""],
    ["score", score, ""],
    ["spread", spread, " px²"],
  ] as const;
  return [
    `${place(row?.name ?? "", ky, kyError)}, ${place(column?.name ?? "", kx, kxError)} px`,
    ...others
      .filter(([, value]) => Number.isFinite(value))
      .map(([name, value, units]) =>
        `${name} ${Number(value?.toPrecision(3))}${units}`.replace("-", "\u2212"),
      ),
  ].join(" · ");
}

/** The value of a pixel, or why there is none yet. */
function textAt(node: NodeDescription, { reply }: Picture, surface: Surface, pixel: Point): string {
  const sample = surface.sampleAt(pixel);
  const missing =
    (!sample || Number.isNaN(sample.value)) && reply.space === "navigation" && reply.complete < 1;
  return missing ? "not computed yet" : valueText(node, reply.component, sample);
}

/** What is refused while it is tried is said beside its control. */
function fillFailure(element: HTMLElement, { state }: Pane, trying: boolean): void {
  const { failure } = state.value;
  element.hidden = failure === null || trying;
  element.replaceChildren(
    h("strong", {}, failure?.message ?? ""),
    ...(failure?.hint ? [h("span", {}, failure.hint)] : []),
  );
}
