/**
 * A picture in a panel: an image canvas at the size of the samples, stretched without smoothing, and over it a
 * canvas at device resolution for marks and a scale bar. A browser hands every canvas on with every frame it puts on
 * the screen, changed or not: one that nothing is drawn on is hidden, and the bar is none. A single row or column
 * of samples becomes a line plot on the marks; a single sample is written as a number.
 */

import { h, perFrame, setHidden, setText } from "../dom";
import { type Along, along } from "../geometry/axes";
import {
  contain,
  type Point,
  type Rect,
  type Region,
  type Size,
  spanned,
  toPanel,
  toPixels,
} from "../geometry/fit";
import type { SampleAt } from "../geometry/sample";
import type { Writing } from "../geometry/units";
import { overlap, panBy, placeZoomed, WHOLE, type Zoom, zoomAbout } from "../geometry/zoom";
import type { AxisDescription } from "../protocol/generated";
import type { Sheet } from "./overlay";
import { drawPlot, plotArea } from "./plot";
import { makeScaleBar } from "./scale_bar";
import { type Contrast, type Levels, Painter, type Pixels } from "./table";

export interface SurfacePicture {
  pixels: Pixels;
  /** Samples along each axis. */
  size: Size;
  /** Pixels of the whole. */
  full: Size;
  /** The pixels that the samples stand for. */
  part: Region;
  /** Pixels per sample along each axis. */
  block: number;
  /** The axis along a line plot, for its ticks. */
  axis: AxisDescription | null;
  /** How its values are written. */
  writing: Writing;
}

/** A moving pointer finds the panel where it was this long ago: to ask for more lays out the page. */
const MEASURED_MS = 200;

export class Surface {
  readonly element: HTMLElement;
  /** Receives pointer and keyboard. */
  readonly overlay: HTMLElement;
  /** Draws over the picture, in CSS pixels of the panel. */
  onOverlay: ((sheet: Sheet) => void) | null = null;
  /** The axis along the columns, for the scale bar. */
  barAxis: (() => AxisDescription | null) | null = null;
  /** After a change of the panel's size. */
  onResize: (() => void) | null = null;
  readonly redraw: () => void;
  /** Lies where the whole picture is, and cuts off what its last blocks have too much. */
  #frame: HTMLElement;
  #image = h("canvas", { class: "st-image", "aria-hidden": "true" });
  /** Whether the image is seen through where samples are missing; one that is not is put on the screen for less. */
  #gaps = false;
  #marks: HTMLCanvasElement;
  #bar = makeScaleBar();
  #painter = new Painter();
  #picture: SurfacePicture | null = null;
  #pixels: ImageData | null = null;
  #words: Uint32Array | null = null;
  /** Where the image lies in the whole picture. */
  #placed = "";
  #number: HTMLElement;
  #outer: Size = { width: 0, height: 0 };
  /** Upper left corner in the window, and when it was measured. */
  #corner: Point & { time: number } = { x: 0, y: 0, time: Number.NEGATIVE_INFINITY };
  /** Where the whole picture fits. */
  #base: Rect = { left: 0, top: 0, width: 1, height: 1 };
  #rect: Rect = this.#base;
  #zoom = WHOLE;

  constructor(name: string, label: string, signal: AbortSignal) {
    this.#frame = h("div", { class: "st-frame", style: "visibility: hidden" }, this.#image);
    // Until its first picture.
    const waiting = h("span", { class: "st-waiting" }, "waiting…");
    this.#number = h("div", { class: "st-single", "data-st": `${name}-number` }, waiting);
    this.#marks = h("canvas", { class: "st-marks", "aria-hidden": "true", hidden: true });
    this.overlay = h(
      "div",
      {
        class: "st-overlay",
        tabindex: 0,
        role: "application",
        "aria-label": label,
        "data-st": `${name}-canvas`,
        "data-lm-suppress-shortcuts": "true",
      },
      this.#marks,
      this.#bar.element,
    );
    this.element = h(
      "div",
      { class: `st-surface st-surface-${name}` },
      this.#frame,
      this.#number,
      this.overlay,
    );
    this.redraw = perFrame(() => this.#drawOverlay(), signal);
    const observer = new ResizeObserver(() => this.#measure());
    observer.observe(this.element);
    signal.addEventListener("abort", () => observer.disconnect());
    const forget = (): void => {
      this.#corner.time = Number.NEGATIVE_INFINITY;
    };
    this.overlay.addEventListener("pointerdown", forget, { signal, capture: true });
    addEventListener("scroll", forget, { signal, capture: true, passive: true });
    addEventListener("resize", forget, { signal });
  }

  get isLine(): boolean {
    return isLine(this.#picture);
  }

  /** Whether the line is a column of the picture: then it lies along y. */
  get isColumn(): boolean {
    return this.#picture !== null && this.#picture.full.width === 1 && this.#picture.full.height > 1;
  }

  /** What is written instead of a picture of one pixel. */
  set number(text: string) {
    setText(this.#number, text);
  }

  /** Area of the picture in CSS pixels of the panel; larger than the panel when zoomed. */
  get rect(): Rect {
    return this.#rect;
  }

  /** The part of the picture that is seen, in CSS pixels of the panel. */
  get visible(): Rect {
    return overlap(this.#rect, this.#area);
  }

  /** CSS pixels per pixel of the frame. */
  get scale(): number {
    return this.#rect.width / this.#span.width;
  }

  get zoom(): Zoom {
    return this.#zoom;
  }

  set zoom(zoom: Zoom) {
    if (zoom !== this.#zoom) {
      this.#zoom = zoom;
      this.#place();
      this.redraw();
    }
  }

  /** The zoom after another step of it about a point of the panel. */
  zoomed(factor: number, at: Point): Zoom {
    return zoomAbout(this.#zoom, factor, at, this.#base, this.#area, this.#span);
  }

  /** The zoom after the picture was moved by CSS pixels. */
  panned(by: Point): Zoom {
    return panBy(this.#zoom, by, this.#base, this.#area);
  }

  /** What the picture may fill. */
  get #area(): Rect {
    return this.isLine ? plotArea(this.#outer) : { left: 0, top: 0, ...this.#outer };
  }

  get outer(): Size {
    return this.#outer;
  }

  /** Pixels across the picture. */
  get span(): Size {
    return this.isColumn ? turned(this.#span) : this.#span;
  }

  /** Pixels across the area, in which a column lies as a row. */
  get #span(): Size {
    const picture = this.#picture;
    if (!picture) {
      return { width: 1, height: 1 };
    }
    if (!this.isLine) {
      return picture.full;
    }
    return this.isColumn
      ? spanned(turned(picture.full), turned(picture.size))
      : spanned(picture.full, picture.size);
  }

  /** Draws now: the browser shows it with its next frame. */
  show(picture: SurfacePicture | null, levels: Levels, contrast: Contrast): void {
    const before = this.#picture;
    const moved = picture?.full.width !== before?.full.width || picture?.full.height !== before?.full.height;
    this.#picture = picture;
    if (moved) {
      this.#place();
    }
    const drawn = picture !== null && !this.isLine;
    setHidden(this.#number, !isNumber(picture));
    this.#frame.style.visibility = drawn ? "visible" : "hidden";
    if (drawn) {
      this.#painter.set(levels, contrast);
      this.#paint(picture);
    }
    // What lies over an image does not change with it: who draws something that does, says so.
    if (moved || this.isLine || isLine(before)) {
      this.redraw();
    }
  }

  /** Where a pointer event is, in CSS pixels of the panel. */
  pointOf(event: MouseEvent): Point {
    if (event.timeStamp - this.#corner.time > MEASURED_MS) {
      const { x, y } = this.overlay.getBoundingClientRect();
      this.#corner = { x, y, time: event.timeStamp };
    }
    return { x: event.clientX - this.#corner.x, y: event.clientY - this.#corner.y };
  }

  /** Continuous pixel coordinates under a pointer event. */
  pixelsOf(event: MouseEvent): Point {
    const { x, y } = toPixels(this.pointOf(event), this.#rect, this.#span);
    const along = this.#along.pixel(x / this.#span.width);
    return this.isColumn ? { x: y, y: along } : { x: along, y };
  }

  /** CSS position of continuous pixel coordinates. */
  at(x: number, y: number): Point {
    const [along, across] = this.isColumn ? [y, x] : [x, y];
    const width = this.#span.width;
    return toPanel({ x: this.#along.share(along) * width, y: across }, this.#rect, this.#span);
  }

  /** How a line plot lies along its axis; the pixels of an image are all of one size. */
  get #along(): Along {
    return along(this.isLine ? (this.#picture?.axis ?? null) : null, this.#span.width);
  }

  /** The sample that stands for a pixel of the frame; `null` where none came. */
  sampleAt(pixel: Point): SampleAt | null {
    const picture = this.#picture;
    if (!picture) {
      return null;
    }
    const { pixels, size, part, block } = picture;
    const down = size.height === 1 ? 1 : block;
    const column = Math.floor((pixel.x - part.x0) / block);
    const row = Math.floor((pixel.y - part.y0) / down);
    if (!(column >= 0 && column < size.width && row >= 0 && row < size.height)) {
      return null;
    }
    const at = row * size.width + column;
    const { planes = [] } = pixels;
    return {
      value: pixels.samples[at] ?? Number.NaN,
      ...(planes.length > 0 && { planes: planes.map((plane) => plane[at] ?? Number.NaN) }),
      width: Math.min(block, part.width - column * block),
      height: Math.min(down, part.height - row * down),
    };
  }

  #paint({ pixels, size, full, part, block }: SurfacePicture): void {
    if (this.#image.width !== size.width || this.#image.height !== size.height) {
      this.#image.width = size.width;
      this.#image.height = size.height;
      this.#pixels = null;
    }
    const place = [part.x0, part.y0, size.width * block, size.height * block].map(
      (pixels, i) => `${(100 * pixels) / (i % 2 === 0 ? full.width : full.height)}%`,
    );
    if (String(place) !== this.#placed) {
      this.#placed = String(place);
      const [left, top, width, height] = place;
      Object.assign(this.#image.style, { left, top, width, height });
    }
    const context = this.#image.getContext("2d", { alpha: this.#gaps });
    if (context) {
      if (!this.#pixels || !this.#words) {
        this.#pixels = context.createImageData(size.width, size.height);
        this.#words = new Uint32Array(this.#pixels.data.buffer);
      }
      const gaps = this.#painter.paint(pixels, this.#words);
      this.#seeThrough(gaps)?.putImageData(this.#pixels, 0, 0);
    }
  }

  /** The context of the image, of another canvas than before if that had no gaps or had some. */
  #seeThrough(gaps: boolean): CanvasRenderingContext2D | null {
    if (gaps !== this.#gaps) {
      this.#gaps = gaps;
      const { width, height } = this.#image;
      const image = h("canvas", { class: "st-image", "aria-hidden": "true", width, height });
      image.style.cssText = this.#image.style.cssText;
      this.#image.replaceWith(image);
      this.#image = image;
      this.#frame.classList.toggle("st-gaps", gaps);
    }
    return this.#image.getContext("2d", { alpha: gaps });
  }

  #measure(): void {
    const outer = { width: this.element.clientWidth, height: this.element.clientHeight };
    if (outer.width !== this.#outer.width || outer.height !== this.#outer.height) {
      this.#outer = outer;
      const ratio = globalThis.devicePixelRatio || 1;
      this.#marks.width = Math.max(1, Math.round(outer.width * ratio));
      this.#marks.height = Math.max(1, Math.round(outer.height * ratio));
      this.#place();
      this.#drawOverlay();
      this.onResize?.();
    }
  }

  #place(): void {
    const area = this.#area;
    this.#base = this.isLine ? area : contain(this.#span, this.#outer);
    this.#rect = placeZoomed(this.#base, area, this.#zoom);
    if (this.isLine) {
      // A spectrum is zoomed along its axis only; the values fit themselves.
      this.#rect = { ...this.#rect, top: area.top, height: area.height };
    }
    const { left, top, width, height } = this.#rect;
    Object.assign(this.#frame.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${width}px`,
      height: `${height}px`,
    });
  }

  #drawOverlay(): void {
    const context = this.#marks.getContext("2d");
    if (!context) {
      return;
    }
    let drawn = false;
    const sheet = (): CanvasRenderingContext2D => {
      if (!drawn) {
        drawn = true;
        const ratio = globalThis.devicePixelRatio || 1;
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        context.clearRect(0, 0, this.#outer.width, this.#outer.height);
      }
      return context;
    };
    if (this.#picture && !isNumber(this.#picture)) {
      if (this.isLine) {
        const { pixels, axis, writing } = this.#picture;
        const { samples } = pixels;
        const line = { samples, axis, writing, along: this.#along, pixels: this.#span.width };
        drawPlot(sheet(), this.#area, this.#rect, line, getComputedStyle(this.overlay));
      }
      this.onOverlay?.(sheet);
    }
    setHidden(this.#marks, !drawn);
    const axis = this.#picture && !this.isLine ? (this.barAxis?.() ?? null) : null;
    this.#bar.show(axis, this.visible, this.scale, this.#outer);
  }
}

function isLine(picture: SurfacePicture | null): boolean {
  return picture !== null && (picture.size.height === 1 || picture.full.width === 1);
}

function isNumber(picture: SurfacePicture | null): boolean {
  return picture !== null && picture.full.width === 1 && picture.full.height === 1;
}

function turned({ width, height }: Size): Size {
  return { width: height, height: width };
}
