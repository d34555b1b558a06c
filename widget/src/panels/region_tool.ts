/** The navigator's region tool: the patterns of many scan positions together, instead of one. */

import { h, icon, listen, setAttributes, setHidden } from "../dom";
import { cursorOf, type Detector, dragged, type Grip, gripAt, moved, resized } from "../geometry/detector";
import { type Point, pixelAt, type Region, regionBetween, type Size } from "../geometry/fit";
import { asDetector, asRegion, insideScan, regionAbout } from "../geometry/region";
import type { NavigationRegion, RegionStatistic } from "../protocol/generated";
import { drawDetector } from "../render/detector";
import type { Sheet } from "../render/overlay";
import type { Surface } from "../render/surface";
import { same } from "../state/tree";
import { stepOf } from "./keys";
import type { PanelContext } from "./registry";

const REACH = 7;

export interface RegionTool {
  /** The switch and the choice between mean and sum, for the head of the panel. */
  elements: readonly HTMLElement[];
  readonly region: Region | null;
  draw(sheet: Sheet): void;
  /** Begins a drag; `false` while the tool is off. */
  press(at: Point): boolean;
  move(at: Point): void;
  release(): void;
  key(event: KeyboardEvent): boolean;
  cursor(at: Point): string;
}

export function regionTool(surface: Surface, context: PanelContext): RegionTool {
  const { session, view, signal } = context;
  const toggle = h(
    "button",
    {
      class: "st-icon-button st-region-toggle",
      title: "Show the patterns of a region together (R)",
      "aria-label": "Show the patterns of a region together",
      "data-st": "region-toggle",
    },
    icon("M2.5 5V2.5H5M7 2.5h2M11 2.5h2.5V5M13.5 7v2M13.5 11v2.5H11M9 13.5H7M5 13.5H2.5V11M2.5 9V7"),
  );
  const statistic = h(
    "select",
    {
      class: "st-field st-region-statistic",
      "aria-label": "Patterns of the region",
      "data-st": "region-statistic",
    },
    h("option", { value: "mean" }, "mean"),
    h("option", { value: "sum" }, "sum"),
  );
  let drag: { from: Point; start: Detector; grip: Grip } | { from: Point } | null = null;

  const scan = (): Size => surface.span;
  const keep = (region: NavigationRegion | null): void => view.set({ region });
  /** Peaks belong to one position: there is nothing to be added up. */
  const shown = (): NavigationRegion | null => (session.node?.kind === "peaks" ? null : view.value.region);
  const set = (region: Region | null): void => {
    const chosen: RegionStatistic = statistic.value === "sum" ? "sum" : "mean";
    const old = view.value.region;
    const next = region && { ...insideScan(region, scan()), statistic: chosen };
    if (!same(old, next)) {
      keep(next);
    }
  };
  const flip = (): void => {
    const { position } = session.state;
    const at = { x: position.at(-1) ?? 0, y: position.at(-2) ?? 0 };
    set(view.value.region ? null : regionAbout(at, scan()));
  };
  const show = (): void => {
    const axes = session.node?.navigation_axes ?? [];
    const [rows, columns] = axes.slice(-2);
    const fits = axes.length >= 2 && view.value.navigator !== null && session.node?.kind !== "peaks";
    const { region } = view.value;
    if (region && rows && columns) {
      // Another scan may be smaller.
      const kept = insideScan(region, { width: columns.size, height: rows.size });
      if (!same({ ...kept, statistic: region.statistic }, region)) {
        keep({ ...kept, statistic: region.statistic });
      }
    } else if (region && session.node) {
      keep(null);
    }
    setHidden(toggle, !fits);
    setHidden(statistic, !fits || view.value.region === null);
    setAttributes(toggle, { "aria-pressed": String(view.value.region !== null) });
    statistic.value = view.value.region?.statistic ?? statistic.value;
    surface.redraw();
  };
  listen(toggle, "click", flip, signal);
  listen(statistic, "change", () => set(view.value.region), signal);
  view.on(["region", "navigator"], show, signal);
  session.store.on(["node", "nodes"], show, signal);
  show();

  const tool: RegionTool = {
    elements: [statistic, toggle],
    get region() {
      return shown();
    },
    draw(sheet) {
      const region = shown();
      if (region) {
        drawDetector(sheet(), asDetector(region), (x, y) => surface.at(x, y), "held");
      }
    },
    press(at) {
      const region = shown();
      if (!region) {
        return false;
      }
      const start = asDetector(region);
      const grip = gripAt(start, at, REACH / surface.scale);
      drag = grip ? { from: at, start, grip } : { from: at };
      tool.move(at);
      return true;
    },
    move(at) {
      if (!drag) {
        return;
      }
      set(
        "grip" in drag
          ? asRegion(dragged(drag.start, drag.grip, drag.from, at, scan(), 1))
          : regionBetween(pixelAt(drag.from, scan()), pixelAt(at, scan())),
      );
    },
    release() {
      drag = null;
    },
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) {
        return false;
      }
      const region = shown();
      if ((event.key === "r" || event.key === "R") && !toggle.hidden) {
        flip();
      } else if (region && event.key === "Escape") {
        set(null);
      } else {
        const next = region && nudged(asDetector(region), event, scan());
        if (!next) {
          return false;
        }
        set(asRegion(next));
      }
      event.preventDefault();
      return true;
    },
    cursor(at) {
      const region = shown();
      const grip = region && gripAt(asDetector(region), at, REACH / surface.scale);
      return region && grip ? cursorOf(asDetector(region), grip, at) : "";
    },
  };
  return tool;
}

function nudged(region: Detector, event: KeyboardEvent, scan: Size): Detector | null {
  const step = stepOf(event);
  if (step) {
    return moved(region, ...step, scan, 1);
  }
  if (event.key === "+" || event.key === "=") {
    return resized(region, "move", 1, scan, 1);
  }
  return event.key === "-" ? resized(region, "move", -1, scan, 1) : null;
}
