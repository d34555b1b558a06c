/**
 * A picture in a panel: an image canvas at the size of the samples, stretched without smoothing,
 * and an overlay canvas at device resolution for everything drawn over it. A single row of samples
 * becomes a line plot on the overlay.
 */

import { h, perFrame } from "../dom";
import { contain, type Point, type Rect, type Size, spanned, toPanel, toPixels } from "../geometry/fit";
import { overlap, panBy, placeZoomed, WHOLE, type Zoom, zoomAbout } from "../geometry/zoom";
import type { Samples } from "../protocol/buffers";
import type { AxisDescription } from "../protocol/generated";
import { drawPlot, plotArea } from "./plot";
import { type Contrast, type Levels, Painter } from "./table";

export interface SurfacePicture {
  samples: Samples;
  /** Samples along each axis. */
  size: Size;
  /** Pixels before reduction. */
  full: Size;
  /** Horizontal axis, for the ticks of a line plot. */
  axis: AxisDescription | null;
  valueUnits: string;
}

export class Surface {
  readonly element: HTMLElement;
  /** Receives pointer and keyboard. */
  readonly overlay: HTMLCanvasElement;
  /** Draws over the picture, in CSS pixels of the panel. */
  onOverlay: ((context: CanvasRenderingContext2D) => void) | null = null;
  /** After a change of the panel's size. */
  onResize: (() => void) | null = null;
  readonly redraw: () => void;
  #image: HTMLCanvasElement;
  #painter = new Painter();
  #picture: SurfacePicture | null = null;
  #pixels: ImageData | null = null;
  #outer: Size = { width: 0, height: 0 };
  /** Where the whole picture fits. */
  #base: Rect = { left: 0, top: 0, width: 1, height: 1 };
  #rect: Rect = this.#base;
  #zoom = WHOLE;

  constructor(name: string, label: string, signal: AbortSignal) {
    this.#image = h("canvas", { class: "st-image", "aria-hidden": "true", style: "visibility: hidden" });
    this.overlay = h("canvas", {
      class: "st-overlay",
      tabindex: 0,
      role: "application",
      "aria-label": label,
      "data-st": `${name}-canvas`,
      "data-lm-suppress-shortcuts": "true",
    });
    this.element = h("div", { class: `st-surface st-surface-${name}` }, this.#image, this.overlay);
    this.redraw = perFrame(() => this.#drawOverlay(), signal);
    const observer = new ResizeObserver(() => this.#measure());
    observer.observe(this.element);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  get isLine(): boolean {
    return this.#picture !== null && this.#picture.size.height === 1;
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
    return this.#rect.width / this.span.width;
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
    return zoomAbout(this.#zoom, factor, at, this.#base, this.#area, this.span);
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

  /** Pixels across the area. */
  get span(): Size {
    const picture = this.#picture;
    return picture ? spanned(picture.full, picture.size) : { width: 1, height: 1 };
  }

  /** Draws now: the browser shows it with its next frame. */
  show(picture: SurfacePicture | null, levels: Levels, contrast: Contrast): void {
    const moved =
      picture?.full.width !== this.#picture?.full.width ||
      picture?.full.height !== this.#picture?.full.height;
    this.#picture = picture;
    if (moved) {
      this.#place();
    }
    this.#image.style.visibility = picture && !this.isLine ? "visible" : "hidden";
    if (picture && !this.isLine) {
      this.#painter.set(levels, contrast);
      this.#paint(picture);
    }
    this.redraw();
  }

  /** Continuous pixel coordinates under a pointer event. */
  pixelsOf(event: MouseEvent): Point {
    return toPixels({ x: event.offsetX, y: event.offsetY }, this.#rect, this.span);
  }

  /** CSS position of continuous pixel coordinates. */
  at(x: number, y: number): Point {
    return toPanel({ x, y }, this.#rect, this.span);
  }

  /** The sample that covers a pixel of the frame; NaN outside. */
  sampleAt(pixel: Point): number {
    const picture = this.#picture;
    if (!picture) {
      return Number.NaN;
    }
    const x = Math.floor((pixel.x / this.span.width) * picture.size.width);
    const y = Math.floor((pixel.y / this.span.height) * picture.size.height);
    return picture.samples[y * picture.size.width + x] ?? Number.NaN;
  }

  #paint({ samples, size }: SurfacePicture): void {
    if (this.#image.width !== size.width || this.#image.height !== size.height) {
      this.#image.width = size.width;
      this.#image.height = size.height;
      this.#pixels = null;
    }
    const context = this.#image.getContext("2d");
    if (context) {
      this.#pixels ??= context.createImageData(size.width, size.height);
      this.#painter.paint(samples, new Uint32Array(this.#pixels.data.buffer));
      context.putImageData(this.#pixels, 0, 0);
    }
  }

  #measure(): void {
    const outer = { width: this.element.clientWidth, height: this.element.clientHeight };
    if (outer.width !== this.#outer.width || outer.height !== this.#outer.height) {
      this.#outer = outer;
      const ratio = globalThis.devicePixelRatio || 1;
      this.overlay.width = Math.max(1, Math.round(outer.width * ratio));
      this.overlay.height = Math.max(1, Math.round(outer.height * ratio));
      this.#place();
      this.#drawOverlay();
      this.onResize?.();
    }
  }

  #place(): void {
    const area = this.#area;
    this.#base = this.isLine ? area : contain(this.span, this.#outer);
    this.#rect = placeZoomed(this.#base, area, this.#zoom);
    if (this.isLine) {
      // A spectrum is zoomed along its axis only; the values fit themselves.
      this.#rect = { ...this.#rect, top: area.top, height: area.height };
    }
    const { left, top, width, height } = this.#rect;
    Object.assign(this.#image.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${width}px`,
      height: `${height}px`,
    });
  }

  #drawOverlay(): void {
    const context = this.overlay.getContext("2d");
    if (!context) {
      return;
    }
    const ratio = globalThis.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.#outer.width, this.#outer.height);
    if (this.#picture && this.isLine) {
      const { samples, axis, valueUnits } = this.#picture;
      drawPlot(context, this.#area, this.#rect, samples, axis, valueUnits, getComputedStyle(this.overlay));
    }
    this.onOverlay?.(context);
  }
}
