/** Which values are dark and bright: histogram with two limits, gamma, logarithm, colormap. */

import { calmly, h, listen, perFrame, setHidden, setText } from "../dom";
import { clamp } from "../geometry/fit";
import { readValue, type Writing, writingOf, writtenText } from "../geometry/units";
import type { NodeDescription } from "../protocol/generated";
import { colormapNamed } from "../render/colormap";
import { automaticLevels, binsFor, histogram, histogramDomain } from "../render/levels";
import { type Contrast, type Levels, transfer } from "../render/table";
import {
  beyond,
  chosenFrom,
  contrastOf,
  type HeldLevels,
  hasSeveralImages,
  levelsKey,
  pictureClass,
  trialOf,
} from "../state/contrast";
import { hasLevels, type Shows, showsOf } from "../state/images";
import type { Picture } from "../state/picture";
import { nodeById } from "../state/tree";
import type { ViewState } from "../state/view";
import { contrastControls } from "./levels/contrast";
import { makeLimit } from "./levels/limit";
import type { Panel, PanelContext } from "./registry";

const BINS = 160;
const KEY_STEP = 0.01;
/** The histogram of pictures that follow each other is counted this often. */
const HISTOGRAM_MS = 250;

interface Shown {
  picture: Picture;
  node: NodeDescription;
  component: number;
  levels: HeldLevels;
  shows: Shows;
  /** Zero is the middle of the values, and stays in the middle of the colours. */
  symmetric: boolean;
  writing: Writing;
}

function shown({ session, view }: PanelContext): Shown | null {
  const { picture } = view.value;
  const node = nodeById(session.state.nodes, picture?.reply.node ?? null);
  if (!picture || !node) {
    return null;
  }
  const component = picture.reply.component;
  const shows = showsOf(node, component);
  const fixed = (): HeldLevels => ({
    ...automaticLevels(picture.reply.percentiles, picture.reply.extrema, shows),
    ...{ automatic: true, free: false, of: "", complete: 1 },
  });
  const levels = hasLevels(shows) ? session.state.levels[levelsKey(node, component)] : fixed();
  const symmetric = shows.type === "diverging" && !levels?.free;
  const writing = writingOf(node, component);
  return levels ? { picture, node, component, shows, levels, symmetric, writing } : null;
}

function quietButton(name: string, text: string, title: string): HTMLButtonElement {
  return h("button", { class: "st-button st-quiet", "data-st": name, title }, text);
}

export const levels: Panel = {
  name: "levels",
  place: "picture",
  mount(element, context) {
    const { session, view, signal } = context;
    const automatic = quietButton(
      "levels-auto",
      "Auto",
      "Levels from the 1st and 99th percentile of this picture",
    );
    const symmetric = quietButton(
      "levels-symmetric",
      "\u00b1",
      "Keep zero in the middle: both levels move together",
    );
    const same = quietButton(
      "levels-same",
      "Same levels",
      "Draw all pictures of this kind with the levels of the focused one",
    );
    listen(same, "click", () => session.store.set({ sameLevels: !session.state.sameLevels }), signal);
    const several = (): void => {
      setHidden(same, session.panes.filter((pane) => !pane.companion).length < 2);
      same.setAttribute("aria-pressed", String(session.state.sameLevels));
    };
    session.store.on(["panes", "focused", "node", "sameLevels", "companion"], several, signal);
    several();
    const each = quietButton(
      "levels-each",
      "Each image",
      "Choose the levels of each image from that image alone; otherwise all images have the same, and can be compared",
    );
    const note = h("p", { class: "st-hint", role: "status", "data-st": "levels-note" });
    const chart = h("canvas", {
      class: "st-histogram-canvas",
      "aria-hidden": "true",
      "data-st": "histogram",
    });
    const low = makeLimit("low", signal);
    const high = makeLimit("high", signal);
    const units = h("span", { class: "st-level-units", "data-st": "levels-units" });
    const ramp = h("div", { class: "st-ramp" });
    const plot = h("div", { class: "st-histogram" }, chart, low.element, high.element);
    const problem = h("p", { class: "st-problem", role: "alert", "data-st": "levels-problem" });
    const controls = contrastControls(context);
    controls.element.append(each, same);
    const row = h(
      "div",
      { class: "st-levels-row" },
      low.field,
      h("div", { class: "st-levels-plot" }, plot, ramp),
      high.field,
      units,
      symmetric,
      automatic,
    );
    element.append(row, note, problem, controls.element);

    let domain: Levels | null = null;
    /** The shown range stays while a handle is held. */
    let held = false;
    const draw = perFrame(() => {
      const now = shown(context);
      const reply = now?.picture.reply;
      // A curve and a number have no colours.
      setHidden(element, !reply || Math.min(reply.full_width, reply.full_height) === 1);
      if (!now || element.hidden) {
        return;
      }
      const { levels: current, picture, shows } = now;
      // What has no levels has no limits, and names, three images at once and own colours have no histogram either.
      setHidden(row, ["categorical", "rgb", "colours"].includes(shows.type));
      const free = hasLevels(shows);
      setHidden(each, !free || !hasSeveralImages(now.node));
      each.setAttribute("aria-pressed", String(session.state.eachLevels));
      setText(note, noteOf(now, view.value.levelsAnew));
      for (const part of [low.element, high.element, automatic]) {
        setHidden(part, !free);
      }
      low.field.disabled = !free;
      high.field.disabled = !free;
      if (row.hidden) {
        return;
      }
      if (!held || !domain) {
        domain = free
          ? histogramDomain(current, picture.reply.percentiles, picture.reply.extrema)
          : { low: current.low, high: current.high };
      }
      drawHistogram(chart, picture, domain, current, shows.type === "cyclic");
      const share = (value: number): number =>
        domain && domain.high > domain.low
          ? clamp((value - domain.low) / (domain.high - domain.low), 0, 1)
          : 0;
      low.show(share(current.low), current.low, now.writing);
      high.show(share(current.high), current.high, now.writing);
      setText(units, now.writing.units);
      automatic.setAttribute("aria-pressed", String(current.automatic));
      setHidden(symmetric, shows.type !== "diverging");
      symmetric.setAttribute("aria-pressed", String(now.symmetric));
      const contrast = contrastOf(session.state.contrast, pictureClass(now.node, now.component));
      // Of a wheel the brightness; its hues are in its key.
      const along = shows.type === "wheel" ? { ...contrast, colormap: colormapNamed("gray") } : contrast;
      ramp.style.background = rampOf(along, share(current.low), share(current.high));
    }, signal);

    /** The level afterwards. A level that cannot be is refused, with the reason. */
    const hold = (which: "low" | "high", value: number | null): number => {
      const now = shown(context);
      const said = now ? refusal(now, which, value) : "";
      setText(problem, said);
      if (!now || value === null || said !== "") {
        return now?.levels[which] ?? 0;
      }
      const reach = Math.abs(value);
      const next = now.symmetric ? { low: -reach, high: reach } : { ...now.levels, [which]: value };
      session.holdLevels(now.node, now.component, { low: next.low, high: next.high, automatic: false });
      return next[which];
    };
    /** A handle stops before it meets the other one. */
    const drag = (which: "low" | "high", value: number): void => {
      const now = shown(context);
      const crosses = now?.symmetric && (which === "low" ? value >= 0 : value <= 0);
      if (now && !crosses && refusal(now, which, value) === "") {
        hold(which, value);
      }
    };
    for (const [which, limit] of [
      ["low", low],
      ["high", high],
    ] as const) {
      limit.listen({
        move: (share) => {
          const now = shown(context);
          if (now && domain) {
            drag(which, tidy(domain.low + share * (domain.high - domain.low), domain, now.writing));
          }
        },
        step: (steps) => {
          const now = shown(context);
          if (now && domain) {
            const next = now.levels[which] + steps * KEY_STEP * (domain.high - domain.low);
            drag(which, tidy(next, domain, now.writing));
          }
        },
        type: (text) => {
          const now = shown(context);
          return hold(which, now ? readValue(text, now.writing) : null);
        },
        held: (on) => {
          held = on;
          draw();
        },
      });
    }
    const choose = (): void => {
      const now = shown(context);
      if (now) {
        const { reply } = now.picture;
        session.holdLevels(now.node, now.component, {
          ...automaticLevels(reply.percentiles, reply.extrema, now.shows),
          automatic: true,
          of: chosenFrom(reply, trialOf(view.value, now.node), session.hasEachLevels(now.node)),
          complete: reply.complete,
        });
        setText(problem, "");
        view.set({ levelsAnew: null });
      }
    };
    listen(automatic, "click", choose, signal);
    listen(
      each,
      "click",
      () => {
        session.store.set({ eachLevels: !session.state.eachLevels });
        choose();
      },
      signal,
    );
    listen(
      symmetric,
      "click",
      () => {
        const now = shown(context);
        if (now) {
          const reach = Math.max(Math.abs(now.levels.low), Math.abs(now.levels.high));
          const opposite = now.symmetric ? {} : { low: -reach, high: reach };
          session.holdLevels(now.node, now.component, { ...opposite, free: now.symmetric });
        }
      },
      signal,
    );
    // Counting every picture of a drag would take longer than drawing it.
    view.on(["picture"], calmly(draw, HISTOGRAM_MS, signal), signal);
    view.on(["theme"], draw, signal);
    view.on(["levelsAnew"], draw, signal);
    session.store.on(["levels", "eachLevels", "contrast", "node", "component"], draw, signal);
    session.store.on(["node", "component"], () => setText(problem, ""), signal);
    session.store.on(["contrast", "node", "nodes", "component"], controls.fill, signal);
    const observer = new ResizeObserver(draw);
    observer.observe(plot);
    signal.addEventListener("abort", () => observer.disconnect());
    element.hidden = true;
  },
};

/** What of an image cannot be seen, or what was done so that it can. */
function noteOf({ picture, node, shows, levels }: Shown, anew: ViewState["levelsAnew"]): string {
  const { percentiles, ranges } = picture.reply;
  if (shows.type === "colours") {
    const full = ranges?.[0]?.[1] ?? 255;
    return `Drawn in its own colours, 0 to ${full} of each: they have no levels and no histogram. Its luminance has.`;
  }
  if (!hasLevels(shows)) {
    return "";
  }
  const side = levels.automatic ? null : beyond(levels, percentiles);
  if (side) {
    const where = side === "low" ? "below the low" : "above the high";
    return `Nearly all of this image lies ${where} level and is drawn in one colour. Auto chooses levels for it.`;
  }
  if (anew?.node === node.id) {
    const where = anew.side === "low" ? "below" : "above";
    return `The levels were chosen again: nearly all of an image lay ${where} those of the images before.`;
  }
  return "";
}

/** Why a level cannot be this value; empty when it can. */
function refusal({ levels, symmetric, writing }: Shown, which: "low" | "high", value: number | null): string {
  if (value === null) {
    return "A level is a number, like 120 or 1.5e\u22123; the one before is kept.";
  }
  if (symmetric) {
    return value === 0 ? "A range around zero is wider than 0; the levels before are kept." : "";
  }
  const other = which === "low" ? levels.high : levels.low;
  const order = which === "low" ? value < other : value > other;
  return order
    ? ""
    : `The ${which} level has to be ${which === "low" ? "below the high" : "above the low"} one, ${writtenText(other, writing)}.`;
}

/** Rounded, as it is written, to what the histogram can tell apart. */
function tidy(value: number, domain: Levels, { factor }: Writing): number {
  const step = 10 ** Math.floor(Math.log10((Math.abs(factor) * (domain.high - domain.low)) / 500));
  return Number((Math.round((value * factor) / step) * step).toPrecision(10)) / factor;
}

/** The colours as they run along the histogram, gamma and logarithm included. */
function rampOf(contrast: Contrast, low: number, high: number): string {
  const points = contrast.colormap.points;
  const stops = Array.from({ length: 17 }, (_, i) => {
    const at = transfer(i / 16, contrast) * (points.length - 1);
    const before = Math.min(points.length - 2, Math.floor(at));
    const mixed = `color-mix(in srgb, ${points[before + 1]} ${Math.round((at - before) * 100)}%, ${points[before]})`;
    return `${mixed} ${((low + (high - low) * (i / 16)) * 100).toFixed(2)}%`;
  });
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

function drawHistogram(
  canvas: HTMLCanvasElement,
  { samples }: Picture,
  domain: Levels,
  current: Levels,
  wraps: boolean,
): void {
  const context = canvas.getContext("2d");
  const ratio = globalThis.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!context || width === 0) {
    return;
  }
  const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== columns || canvas.height !== rows) {
    Object.assign(canvas, { width: columns, height: rows });
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const counts = histogram(samples, domain, binsFor(samples, domain, Math.min(BINS, width)), wraps);
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
