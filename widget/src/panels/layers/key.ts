/** The key to colours that no bar explains, in a corner of the picture: a wheel of directions, or names. */

import { h, listen, setAttributes, setHidden, setText } from "../../dom";
import { writingOf, writtenText } from "../../geometry/units";
import type { NodeDescription } from "../../protocol/generated";
import { categoryColour } from "../../render/colormap";
import { paintComposed } from "../../render/composite";
import type { Contrast } from "../../render/table";
import { contrastOf, pictureClass } from "../../state/contrast";
import { planesOf, showsOf } from "../../state/images";
import type { Picture } from "../../state/picture";
import { nodeById } from "../../state/tree";
import { drawnLevels, type Layer, type Pane } from "../pane";
import type { PanelContext } from "../registry";

/** Side of the wheel, CSS pixels: a fifth of the panel between these. */
const WHEEL = [48, 84] as const;
/** Names that are listed. */
const MAX_NAMES = 12;
/** What the key covers beside its wheel; a pointer in there sees through it. */
const ROOM = { width: 36, height: 46 };

export function keyLayer(pane: Pane, { session, signal }: PanelContext): Layer {
  const wheel = h("canvas", { class: "st-key-wheel", "aria-hidden": "true" });
  const axes = h("span");
  const rim = h("span", { "data-st": "key-rim" });
  const lines = h("div", { class: "st-key-lines" });
  const element = h(
    "div",
    { class: "st-key", "data-st": "key", role: "img", hidden: true },
    wheel,
    axes,
    rim,
    lines,
  );
  pane.surface.element.append(element);
  let drawn = "";
  const show = (): void => {
    const { picture } = pane.state.value;
    const node = nodeById(session.state.nodes, picture?.reply.node ?? null);
    const flat = !picture || Math.min(picture.reply.full_width, picture.reply.full_height) === 1;
    const { type } = showsOf(node, picture?.reply.component ?? 0);
    const directions = type === "wheel";
    const named = type === "categorical" || type === "rgb";
    setHidden(element, !node || flat || !(directions || named));
    if (!picture || !node || element.hidden) {
      return;
    }
    for (const part of [wheel, axes, rim]) {
      setHidden(part, !directions);
    }
    setHidden(lines, directions);
    if (directions) {
      const contrast = contrastOf(session.state.contrast, "wheel");
      const side = sideOf(pane);
      const now = JSON.stringify([contrast.colormap.name, contrast.gamma, contrast.log, side]);
      if (now !== drawn) {
        drawn = now;
        drawWheel(wheel, contrast, side);
      }
      explain(element, { axes, rim }, pane, node, picture);
    } else {
      fillNames(lines, namesOf(pane, node, picture));
      setAttributes(element, { "aria-label": lines.textContent, title: null });
    }
  };
  pane.state.on(["picture", "size"], show, signal);
  session.store.on(["levels", "sameLevels", "contrast", "node", "component"], show, signal);
  listen(
    pane.surface.overlay,
    "pointermove",
    (event) => {
      if (!element.hidden) {
        const { x, y } = pane.surface.pointOf(event);
        const { width, height } = pane.surface.outer;
        const side = sideOf(pane);
        const near = x > width - side - ROOM.width && y > height - side - ROOM.height;
        element.classList.toggle("st-away", near);
      }
    },
    signal,
  );
  return {};
}

function sideOf({ surface }: Pane): number {
  const [least, most] = WHEEL;
  return Math.round(Math.min(most, Math.max(least, surface.outer.width * 0.2)));
}

function drawWheel(canvas: HTMLCanvasElement, contrast: Contrast, side: number): void {
  const pixels = Math.round(side * (globalThis.devicePixelRatio || 1));
  Object.assign(canvas, { width: pixels, height: pixels });
  Object.assign(canvas.style, { width: `${side}px`, height: `${side}px` });
  const context = canvas.getContext("2d");
  if (!context) {
    return;
  }
  const image = context.createImageData(pixels, pixels);
  paintComposed(wheelOf(pixels), new Uint32Array(image.data.buffer), { low: 0, high: 1 }, contrast);
  context.putImageData(image, 0, 0);
}

/** All vectors up to the length 1 where they point to, as in the picture: +x to the right, +y down. */
export function wheelOf(side: number): { type: "wheel"; y: Float32Array; x: Float32Array } {
  const [y, x] = [new Float32Array(side * side), new Float32Array(side * side)];
  for (let i = 0; i < y.length; i++) {
    const [down, right] = [Math.floor(i / side), i % side].map((at) => (2 * at + 1) / side - 1) as [
      number,
      number,
    ];
    const inside = Math.hypot(down, right) <= 1;
    y[i] = inside ? down : Number.NaN;
    x[i] = inside ? right : Number.NaN;
  }
  return { type: "wheel", y, x };
}

/** Which way the axes go, and the lengths at the rim and, if it is not 0, in the middle. */
function explain(
  element: HTMLElement,
  { axes, rim }: { axes: HTMLElement; rim: HTMLElement },
  pane: Pane,
  node: NodeDescription,
  { reply }: Picture,
): void {
  const [y, x] = planesOf(node, reply.component).map((plane) => node.components[plane]?.title ?? "");
  const { low, high } = drawnLevels(pane.session, node, reply);
  const writing = writingOf(node, reply.component);
  const middle = low === 0 ? "" : `middle ${writtenText(low, writing)}, `;
  setText(axes, `${x} \u2192  ${y} \u2193`);
  setText(rim, `${middle}rim ${writtenText(high, writing)}`);
  const said =
    `Hue: direction of (${x}, ${y}), counted from +x, to the right, towards +y, down. ` +
    `Brightness: length; ${middle}rim ${writtenText(high, writing)}.`;
  setAttributes(element, { "aria-label": said, title: said });
}

type Named = readonly [colour: string, name: string];

function namesOf(pane: Pane, node: NodeDescription, { reply }: Picture): Named[] {
  const shows = showsOf(node, reply.component);
  if (shows.type === "categorical") {
    const kind = pictureClass(node, reply.component);
    const { colormap } = contrastOf(pane.session.state.contrast, kind);
    return shows.names.map((name, i) => [categoryColour(colormap, i), name]);
  }
  return planesOf(node, reply.component).map((plane, channel) => {
    const [low, high] = reply.ranges?.[channel] ?? [0, 1];
    const writing = writingOf(node, plane);
    const title = node.components[plane]?.title ?? "";
    const range = `${writtenText(low, { ...writing, units: "" })} to ${writtenText(high, writing)}`;
    return [["#ff0000", "#00ff00", "#0000ff"][channel] ?? "", `${title} ${range}`];
  });
}

function fillNames(element: HTMLElement, names: readonly Named[]): void {
  const text = JSON.stringify(names);
  if (element.dataset.shown === text) {
    return;
  }
  element.dataset.shown = text;
  const line = ([colour, name]: Named): HTMLElement =>
    h("span", {}, h("i", { style: `background: ${colour}` }), name);
  const rest = names.length - MAX_NAMES;
  element.replaceChildren(
    ...names.slice(0, MAX_NAMES).map(line),
    ...(rest > 0 ? [h("span", {}, `and ${rest} more`)] : []),
  );
}
