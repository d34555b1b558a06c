/** The image of the scan: drag or use the arrow keys to choose the scan position. */

import { calmly, h, listen, setText } from "../dom";
import { axisText, barAxis, isTold, lineAxis } from "../geometry/axes";
import { type Point, pixelAt, type Region, regionBetween } from "../geometry/fit";
import { regionText } from "../geometry/region";
import { sampleText } from "../geometry/sample";
import type { NodeDescription, OperationDescription } from "../protocol/generated";
import { makeReadout } from "../readout";
import { colormapNamed } from "../render/colormap";
import { automaticLevels } from "../render/levels";
import { drawCrosshair, drawRectangle, type Sheet } from "../render/overlay";
import { Surface } from "../render/surface";
import { FRAME } from "../state/images";
import { navigatedNode, navigatorShape } from "../state/pull_navigator";
import { hasNavigator, parametersOfKind, regionsBelongTo } from "../state/tree";
import { moveByKey } from "./keys";
import type { Drag } from "./layers";
import { outerAxes } from "./outer_axes";
import { type RegionTool, regionTool } from "./region_tool";
import type { Panel, PanelContext } from "./registry";
import { withPictures } from "./with_pictures";
import { type Zooming, zooming } from "./zooming";

/** Numbers that change faster are not read; each change lays out the page again. */
const READ_MS = 60;

const CONTRAST = { colormap: colormapNamed("gray"), gamma: 1, log: false };
export const MARK = "#4fc3ff";

export const navigator: Panel = {
  name: "navigator",
  place: "scan",
  mount(element, context) {
    const { session, view, signal } = context;
    const surface = new Surface(
      "navigator",
      "Navigator: image of the scan. Arrow keys move the scan position, with Shift by ten; R shows a region.",
      signal,
    );
    const title = h("span", { class: "st-title" }, "Navigator");
    const note = h("span", { class: "st-note" });
    const tool = regionTool(surface, context);
    const readout = makeReadout("navigator-readout", "polite");
    const head = h("div", { class: "st-head" }, title, note, ...tool.elements);
    element.append(head, surface.element, readout.element, outerAxes(context));

    const zoom = zooming(surface, () => shapeName(context), session, signal);
    const shown = (): NodeDescription | null => navigatedNode(session, view.value.picking);

    let drawn: Region | null = null;
    const draw = (): void => {
      const picture = view.value.navigator;
      if (!picture) {
        return;
      }
      const { reply, samples } = picture;
      const axes = shown()?.navigation_axes ?? [];
      const aspect = reply.height > 1 && reply.full_width > 1 ? reply.full_width / reply.full_height : 1.6;
      surface.element.style.setProperty("--st-aspect", String(aspect));
      surface.show(
        {
          pixels: { samples, packed: null },
          size: { width: reply.width, height: reply.height },
          full: { width: reply.full_width, height: reply.full_height },
          part: reply.part,
          block: reply.block,
          axis: lineAxis(axes),
          writing: { factor: 1, units: reply.value_units },
        },
        automaticLevels(reply.percentiles, reply.extrema, FRAME),
        CONTRAST,
      );
      zoom.follow();
      setText(note, reply.complete < 1 ? `${Math.floor(reply.complete * 100)} %` : "");
      describe();
    };
    const read = calmly(
      () => {
        const node = shown();
        const position = placeIn(node, context);
        readout.show(
          tool.region
            ? regionText(tool.region, node?.navigation_axes ?? [])
            : positionText(node, position, valueAt(surface, context)),
          surface.outer.width,
        );
      },
      READ_MS,
      signal,
    );
    const describe = (): void => {
      element.classList.toggle("st-stale", !isCurrent(context));
      read();
      surface.redraw();
    };

    surface.onOverlay = (sheet) => {
      const { node } = session;
      if (!node || !view.value.navigator) {
        return;
      }
      const seen = shown() ?? node;
      if (drawn || regionsBelongTo(node, seen, session.state.nodes)) {
        drawRegions(sheet, surface, node, session.state.operations, drawn);
      }
      if (tool.region && seen.scan === node.scan) {
        tool.draw(sheet);
      } else {
        drawPosition(sheet(), surface, placeIn(seen, context));
      }
    };
    surface.barAxis = () => barAxis(shown()?.navigation_axes ?? []);

    surface.onResize = () => {
      const ratio = globalThis.devicePixelRatio || 1;
      const { width, height } = surface.outer;
      view.set({ navigatorSize: [Math.round(width * ratio), Math.round(height * ratio)] });
    };
    view.on(["navigator"], draw, signal);
    view.on(["theme"], surface.redraw, signal);
    view.on(
      ["picking"],
      () => {
        element.classList.toggle("st-picking", view.value.picking?.kind === "navigation_region");
        describe();
      },
      signal,
    );
    session.store.on(["node", "nodes"], describe, signal);
    session.store.on(["position"], withPictures(describe, context), signal);
    view.on(["region"], describe, signal);
    const place = (): void => {
      const { node } = session;
      const none = node !== null && !hasNavigator(session.state.nodes, node);
      for (const part of [head, surface.element, readout.element]) {
        part.hidden = none;
      }
      // The sliders of the slower axes stay.
      element.hidden = none && node.navigation_axes.slice(0, -2).every(({ size }) => size < 2);
    };
    session.store.on(["node", "nodes"], place, signal);
    place();
    listenTo(surface, context, tool, zoom, (region) => {
      drawn = region;
      surface.redraw();
    });
  },
};

/** Clicks and drags: the scan position, the region that is shown, or the one a parameter asks for. */
function listenTo(
  surface: Surface,
  context: PanelContext,
  tool: RegionTool,
  zoom: Zooming,
  preview: (region: Region | null) => void,
): void {
  const { session, view, signal } = context;
  const canvas = surface.overlay;
  let start: Point | null = null;
  let pan: Drag | null = null;
  const follow = (event: PointerEvent): void => {
    const pixel = pixelAt(surface.pixelsOf(event), surface.span);
    const picking = view.value.picking;
    if (picking?.kind === "navigation_region" && start) {
      preview(regionBetween(start, pixel));
    } else if (tool.region) {
      tool.move(surface.pixelsOf(event));
    } else {
      session.moveTo(session.state.position.length > 1 ? [...leading(context), pixel.y, pixel.x] : [pixel.x]);
    }
  };
  /** The button is down; without a picture yet nothing has begun. */
  let held = false;
  const begin = (event: PointerEvent): void => {
    if (view.value.navigator) {
      start = pixelAt(surface.pixelsOf(event), surface.span);
      if (view.value.picking || !tool.press(surface.pixelsOf(event))) {
        follow(event);
      }
    }
  };
  listen(
    canvas,
    "pointerdown",
    (event) => {
      if (zoom.isPan(event)) {
        pan = zoom.pan(event);
        canvas.setPointerCapture?.(event.pointerId);
        event.preventDefault();
        return;
      }
      if (event.button !== 0) {
        return;
      }
      canvas.setPointerCapture?.(event.pointerId);
      canvas.focus({ preventScroll: true });
      held = true;
      begin(event);
      event.preventDefault();
    },
    signal,
  );
  listen(
    canvas,
    "pointermove",
    (event) => {
      canvas.style.cursor = view.value.picking ? "" : tool.cursor(surface.pixelsOf(event));
      if (pan) {
        pan.move(surface.pixelsOf(event), event);
      } else if (start) {
        follow(event);
      } else if (held) {
        begin(event);
      }
    },
    signal,
  );
  const end = (event: PointerEvent): void => {
    const picking = view.value.picking;
    if (start && picking?.kind === "navigation_region" && event.type === "pointerup") {
      const region = regionBetween(start, pixelAt(surface.pixelsOf(event), surface.span));
      view.set({ picking: null });
      picking.done(region);
    }
    pan?.end(null, event);
    pan = null;
    held = false;
    start = null;
    tool.release();
    preview(null);
  };
  listen(canvas, "pointerup", end, signal);
  listen(canvas, "pointercancel", end, signal);
  listen(
    canvas,
    "keydown",
    (event) => {
      if (event.key === "Escape" && view.value.picking) {
        view.set({ picking: null });
        event.preventDefault();
      } else if (!tool.key(event) && !zoom.key(event)) {
        moveByKey(event, session);
      }
    },
    signal,
  );
}

/** The navigation image has a zoom of its own: beside a zoomed map it shows the whole scan. */
function shapeName({ view }: PanelContext): string | null {
  const reply = view.value.navigator?.reply;
  return reply ? navigatorShape({ width: reply.full_width, height: reply.full_height }) : null;
}

/** Navigation axes before the two that are shown keep their index. */
function leading({ session }: PanelContext): readonly number[] {
  return session.state.position.slice(0, -2);
}

export function drawPosition(
  canvas: CanvasRenderingContext2D,
  surface: Surface,
  position: readonly number[],
): void {
  const x = position.at(-1) ?? 0;
  const y = position.at(-2) ?? 0;
  const from = surface.at(x, y);
  const to = surface.at(x + 1, y + 1);
  const pixel = { left: from.x, top: from.y, width: to.x - from.x, height: to.y - from.y };
  drawCrosshair(canvas, surface.visible, pixel, MARK, surface.isLine);
}

/** The regions among the parameters of a node, or the one being drawn. */
export function drawRegions(
  sheet: Sheet,
  surface: Surface,
  node: NodeDescription,
  operations: readonly OperationDescription[],
  drawn: Region | null,
): void {
  const shown = parametersOfKind(node, operations, "navigation_region");
  const regions = drawn ? [drawn] : shown.map(({ value }) => value).filter(isRegion);
  for (const { x0, y0, width, height } of regions) {
    drawRectangle(sheet(), surface.at(x0, y0), surface.at(x0 + width, y0 + height), "#ffd24a");
  }
}

export function isRegion(value: unknown): value is Region {
  const region = value as Region | null;
  return [region?.x0, region?.y0, region?.width, region?.height].every((part) => typeof part === "number");
}

/** The position in the scan that is shown. */
function placeIn(node: NodeDescription | null, { session }: PanelContext): readonly number[] {
  return node && node.navigation_axes.length > 0 ? session.positionIn(node) : session.state.position;
}

/** Whether the image is that of the scan that is looked at, at the position of the slower axes. */
function isCurrent(context: PanelContext): boolean {
  const { session, view } = context;
  const node = navigatedNode(session, view.value.picking);
  const picture = view.value.navigator;
  const outer = picture?.reply.outer ?? [];
  const position = placeIn(node, context);
  const elsewhere = picture !== null && node !== null && picture.scan !== node.scan;
  return !elsewhere && outer.every((index, axis) => index === position[axis]);
}

function valueAt(surface: Surface, context: PanelContext): string {
  const { session, view } = context;
  const position = placeIn(navigatedNode(session, view.value.picking), context);
  if (!isCurrent(context)) {
    return "";
  }
  const sample = surface.sampleAt({ x: position.at(-1) ?? 0, y: position.at(-2) ?? 0 });
  const units = view.value.navigator?.reply.value_units ?? "";
  return sample && Number.isFinite(sample.value) ? sampleText(sample, units) : "";
}

/** `y 4, x 12 · 8, 24 nm · 812 counts`. */
export function positionText(
  node: NodeDescription | null,
  position: readonly number[],
  value: string,
): string {
  if (!node || node.navigation_axes.length === 0) {
    return "";
  }
  const axes = node.navigation_axes;
  const indices = axes.map((axis, i) => `${axis.name} ${position[i] ?? 0}`).join(", ");
  const calibrated = axes.some(isTold);
  const sameUnits = axes.every((axis) => axis.units === axes[0]?.units);
  const places = axes
    .map((axis, i) => {
      const units = sameUnits && i < axes.length - 1 ? "" : axis.units;
      return axisText({ ...axis, units }, position[i] ?? 0);
    })
    .join(", ");
  return [indices, calibrated ? places : "", value].filter((part) => part !== "").join(" · ");
}
