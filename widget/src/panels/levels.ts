/** Which values are dark and bright: histogram with two limits, gamma, logarithm, colormap. */

import { h, perFrame, setAttributes, setText } from "../dom";
import { numberText } from "../geometry/axes";
import { clamp } from "../geometry/fit";
import type { NodeDescription } from "../protocol/generated";
import { COLORMAPS, colormapNamed, gradient } from "../render/colormap";
import { automaticLevels, binsFor, histogram, histogramDomain } from "../render/levels";
import { type Levels, transfer } from "../render/table";
import { contrastOf, type HeldLevels, levelsKey, pictureClass } from "../state/contrast";
import type { Picture } from "../state/frame_cache";
import { nodeById } from "../state/tree";
import type { Panel, PanelContext } from "./registry";

const BINS = 160;
const KEY_STEP = 0.01;

interface Shown {
  picture: Picture;
  node: NodeDescription;
  component: number;
  levels: HeldLevels;
}

function shown({ session, view }: PanelContext): Shown | null {
  const { picture } = view.value;
  const node = nodeById(session.store.value.nodes, picture?.reply.node ?? null);
  if (!picture || !node) {
    return null;
  }
  const component = picture.reply.component;
  const levels = session.store.value.levels[levelsKey(node, component)];
  return levels ? { picture, node, component, levels } : null;
}

export const levels: Panel = {
  name: "levels",
  place: "picture",
  mount(element, context) {
    const { session, view, signal } = context;
    const automatic = h(
      "button",
      {
        type: "button",
        class: "st-button st-quiet",
        "data-st": "levels-auto",
        title: "Levels from the 1st and 99th percentile of this picture",
      },
      "Auto",
    );
    const same = h(
      "button",
      {
        type: "button",
        class: "st-button st-quiet",
        "data-st": "levels-same",
        title: "Draw all pictures of this kind with the levels of the focused one",
      },
      "Same levels",
    );
    same.addEventListener("click", () => session.store.set({ sameLevels: !session.store.value.sameLevels }), {
      signal,
    });
    const several = (): void => {
      same.hidden = session.panes.filter((pane) => !pane.companion).length < 2;
      same.setAttribute("aria-pressed", String(session.store.value.sameLevels));
    };
    session.store.on(["panes", "focused", "node", "sameLevels", "companion"], several, signal);
    several();
    const chart = h("canvas", {
      class: "st-histogram-canvas",
      "aria-hidden": "true",
      "data-st": "histogram",
    });
    const low = handle("low", signal);
    const high = handle("high", signal);
    const ramp = h("div", { class: "st-ramp" });
    const plot = h("div", { class: "st-histogram" }, chart, low.element, high.element);
    const controls = contrastControls(context);
    controls.element.append(same);
    element.append(
      h(
        "div",
        { class: "st-levels-row" },
        low.field,
        h("div", { class: "st-levels-plot" }, plot, ramp),
        high.field,
        automatic,
      ),
      controls.element,
    );

    let domain: Levels | null = null;
    /** The shown range stays while a handle is held. */
    let held = false;
    const draw = perFrame(() => {
      const now = shown(context);
      element.hidden = now === null || now.picture.reply.height === 1;
      if (!now || element.hidden) {
        return;
      }
      const { levels: current, picture } = now;
      if (!held || !domain) {
        domain = histogramDomain(current, picture.reply.percentiles, picture.reply.extrema);
      }
      drawHistogram(chart, picture, domain, current);
      const share = (value: number): number =>
        domain && domain.high > domain.low
          ? clamp((value - domain.low) / (domain.high - domain.low), 0, 1)
          : 0;
      low.show(share(current.low), current.low);
      high.show(share(current.high), current.high);
      automatic.setAttribute("aria-pressed", String(current.automatic));
      const { contrast, component } = session.store.value;
      const choice = contrast[pictureClass(now.node, component)];
      ramp.style.background = rampOf(choice, share(current.low), share(current.high));
    }, signal);

    const hold = (which: "low" | "high", value: number): void => {
      const now = shown(context);
      if (!now || !Number.isFinite(value)) {
        return;
      }
      const next = { ...now.levels, [which]: value };
      if (next.high > next.low) {
        session.holdLevels(now.node, now.component, next.low, next.high, false);
      }
    };
    for (const [which, limit] of [
      ["low", low],
      ["high", high],
    ] as const) {
      limit.listen({
        move: (share) => domain && hold(which, tidy(domain.low + share * (domain.high - domain.low), domain)),
        step: (steps) => {
          const now = shown(context);
          if (now && domain) {
            hold(which, tidy(now.levels[which] + steps * KEY_STEP * (domain.high - domain.low), domain));
          }
        },
        type: (value) => hold(which, value),
        held: (on) => {
          held = on;
          draw();
        },
      });
    }
    automatic.addEventListener(
      "click",
      () => {
        const now = shown(context);
        if (now) {
          const { percentiles, extrema } = now.picture.reply;
          const diverging = now.node.components[now.component]?.diverging ?? false;
          const next = automaticLevels(percentiles, extrema, diverging);
          session.holdLevels(now.node, now.component, next.low, next.high, true);
        }
      },
      { signal },
    );
    view.on(["picture", "theme"], draw, signal);
    session.store.on(["levels", "contrast", "node", "component"], draw, signal);
    session.store.on(["contrast", "node", "nodes", "component"], controls.fill, signal);
    const observer = new ResizeObserver(draw);
    observer.observe(plot);
    signal.addEventListener("abort", () => observer.disconnect());
    element.hidden = true;
  },
};

/** Rounded to what the histogram can tell apart. */
function tidy(value: number, domain: Levels): number {
  const step = 10 ** Math.floor(Math.log10((domain.high - domain.low) / 500));
  return Number((Math.round(value / step) * step).toPrecision(10));
}

/** The colours as they run along the histogram, gamma and logarithm included. */
function rampOf(
  choice: { colormap: string; gamma: number; log: boolean },
  low: number,
  high: number,
): string {
  const contrast = contrastOf(choice);
  const points = contrast.colormap.points;
  const stops = Array.from({ length: 17 }, (_, i) => {
    const at = transfer(i / 16, contrast) * (points.length - 1);
    const before = Math.min(points.length - 2, Math.floor(at));
    const mixed = `color-mix(in srgb, ${points[before + 1]} ${Math.round((at - before) * 100)}%, ${points[before]})`;
    return `${mixed} ${((low + (high - low) * (i / 16)) * 100).toFixed(2)}%`;
  });
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

/** Short enough for the field. */
function levelText(value: number): string {
  const short = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  return Math.abs(short) >= 1e-4 && Math.abs(short) < 1e6
    ? String(short).replace("-", "\u2212")
    : numberText(short);
}

interface LimitEvents {
  move(share: number): void;
  step(steps: number): void;
  type(value: number): void;
  held(on: boolean): void;
}

interface Limit {
  element: HTMLElement;
  field: HTMLInputElement;
  show(share: number, value: number): void;
  listen(events: LimitEvents): void;
}

/** A limit that can be dragged, moved by keys, and typed. */
function handle(which: "low" | "high", signal: AbortSignal): Limit {
  const label = which === "low" ? "Low level" : "High level";
  const element = h("div", {
    class: `st-limit st-limit-${which}`,
    role: "slider",
    tabindex: 0,
    "aria-label": label,
    "data-st": `levels-${which}`,
  });
  const field = h("input", {
    type: "text",
    inputmode: "decimal",
    class: "st-field st-level",
    "aria-label": label,
    "data-st": `levels-${which}-value`,
  });
  return {
    element,
    field,
    show(share, value) {
      element.style.left = `${share * 100}%`;
      setAttributes(element, { "aria-valuenow": value, "aria-valuetext": numberText(value) });
      if (field.ownerDocument.activeElement !== field) {
        field.value = levelText(value);
      }
    },
    listen(events) {
      element.addEventListener(
        "pointerdown",
        (event) => {
          element.setPointerCapture?.(event.pointerId);
          element.focus({ preventScroll: true });
          element.classList.add("st-held");
          events.held(true);
          event.preventDefault();
        },
        { signal },
      );
      element.addEventListener(
        "pointermove",
        (event) => {
          const plot = element.parentElement?.getBoundingClientRect();
          if (plot && element.classList.contains("st-held")) {
            events.move(clamp((event.clientX - plot.left) / Math.max(1, plot.width), 0, 1));
          }
        },
        { signal },
      );
      for (const type of ["pointerup", "pointercancel"] as const) {
        element.addEventListener(
          type,
          () => {
            element.classList.remove("st-held");
            events.held(false);
          },
          { signal },
        );
      }
      element.addEventListener(
        "keydown",
        (event) => {
          const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
          if (steps !== undefined) {
            events.step(steps * (event.shiftKey ? 10 : 1));
            event.preventDefault();
          }
        },
        { signal },
      );
      field.addEventListener("change", () => events.type(Number(field.value.replaceAll("\u2212", "-"))), {
        signal,
      });
    },
  };
}

/** Gamma, logarithm and colormap of this kind of picture. */
function contrastControls(context: PanelContext): { element: HTMLElement; fill(): void } {
  const { session, signal } = context;
  const gamma = h("input", {
    type: "range",
    class: "st-slider",
    min: -100,
    max: 100,
    step: 5,
    "aria-label": "Gamma",
    "data-st": "levels-gamma",
  });
  const gammaText = h("span", { class: "st-value" });
  const log = h("input", { type: "checkbox", role: "switch", class: "st-switch", "data-st": "levels-log" });
  const logLabel = h("label", { class: "st-inline" }, log, "Log");
  const swatch = h("span", { class: "st-swatch" });
  const colormap = h(
    "select",
    { class: "st-field", "aria-label": "Colormap", "data-st": "levels-colormap" },
    ...COLORMAPS.map((map) => h("option", { value: map.name }, map.title)),
  );
  const choice = (): { colormap: string; gamma: number; log: boolean } =>
    session.store.value.contrast[pictureClass(session.node, session.store.value.component)];

  gamma.addEventListener(
    "input",
    () => {
      const steps = Math.abs(gamma.valueAsNumber) < 6 ? 0 : gamma.valueAsNumber;
      session.setContrast({ gamma: Number((10 ** (steps / 100)).toPrecision(3)) });
    },
    { signal },
  );
  gamma.addEventListener("dblclick", () => session.setContrast({ gamma: 1 }), { signal });
  log.addEventListener("change", () => session.setContrast({ log: log.checked }), { signal });
  colormap.addEventListener("change", () => session.setContrast({ colormap: colormap.value }), { signal });

  const fill = (): void => {
    const now = choice();
    const position = Math.round(Math.log10(now.gamma) * 100);
    gamma.value = String(position);
    gamma.style.setProperty("--st-share", String((position + 100) / 200));
    setText(gammaText, now.gamma.toFixed(2));
    log.checked = now.log;
    const map = colormapNamed(now.colormap);
    logLabel.hidden = map.diverging === true;
    colormap.value = map.name;
    swatch.style.background = gradient(map);
  };
  fill();
  const element = h(
    "div",
    { class: "st-contrast" },
    h("label", { class: "st-inline st-gamma" }, "Gamma", gamma, gammaText),
    logLabel,
    h("span", { class: "st-inline st-colormap" }, swatch, colormap),
  );
  return { element, fill };
}

function drawHistogram(canvas: HTMLCanvasElement, picture: Picture, domain: Levels, current: Levels): void {
  const context = canvas.getContext("2d");
  const ratio = globalThis.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!context || width === 0) {
    return;
  }
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const counts = histogram(picture.samples, domain, binsFor(picture.samples, domain, Math.min(BINS, width)));
  // The square root keeps the rare bright pixels visible beside the background.
  const most = Math.sqrt(Math.max(1, ...counts));
  const style = getComputedStyle(canvas);
  const inside = style.getPropertyValue("--st-text").trim() || "#444";
  const outside = style.getPropertyValue("--st-faint").trim() || "#bbb";
  counts.forEach((count, bin) => {
    const value = domain.low + ((bin + 0.5) / counts.length) * (domain.high - domain.low);
    const bar = (Math.sqrt(count) / most) * (height - 2);
    context.fillStyle = value >= current.low && value <= current.high ? inside : outside;
    context.fillRect((bin / counts.length) * width, height - bar, width / counts.length + 0.2, bar);
  });
}
