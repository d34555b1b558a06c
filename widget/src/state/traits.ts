/**
 * The view state that lives in the model's traits, so that it survives a reload and is shared by
 * all views of the model: `node`, `position`, `component`, `panes`, `focused`, `companion`, `zoom`,
 * `levels`, `same_levels`, `each_levels`, `colormap`, `gamma`, `log`.
 */

import { WHOLE, type Zoom } from "../geometry/zoom";
import {
  CLASSES,
  type ContrastChoice,
  DEFAULT_CONTRAST,
  type HeldLevels,
  type PictureClass,
} from "./contrast";
import { type Arrangement, MAX_PANES, type PaneChoice } from "./panes";

/** The part of an anywidget model the viewer uses. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  on(name: string, callback: (...args: never[]) => void): void;
  off(name: string, callback: (...args: never[]) => void): void;
  save_changes(): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  /** In JupyterLab it knows the notebook. */
  readonly widget_manager?: unknown;
}

const ARRANGEMENT = ["node", "component", "panes", "focused", "companion"] as const;

/** What of the state follows a change of each trait: node and images of panes only go together. */
export const TRAITS = {
  node: ARRANGEMENT,
  position: ["position"],
  component: ARRANGEMENT,
  panes: ARRANGEMENT,
  focused: ARRANGEMENT,
  companion: ARRANGEMENT,
  zoom: ["zoom"],
  levels: ["levels"],
  same_levels: ["sameLevels"],
  each_levels: ["eachLevels"],
  colormap: ["contrast"],
  gamma: ["contrast"],
  log: ["contrast"],
} as const satisfies Record<string, readonly (keyof SavedState)[]>;

export type Trait = keyof typeof TRAITS;
export const TRAIT_NAMES = Object.keys(TRAITS) as Trait[];

export interface SavedState extends Arrangement {
  position: readonly number[];
  /** By the shape of the pictures: those of one shape show the same part. */
  zoom: Readonly<Record<string, Zoom>>;
  levels: Readonly<Record<string, HeldLevels>>;
  /** All panes of one kind have the levels of the focused one. */
  sameLevels: boolean;
  /** Levels are chosen for each image of a stack or scan, instead of once for all of them. */
  eachLevels: boolean;
  contrast: Readonly<Record<PictureClass, ContrastChoice>>;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads the traits; what is missing or of another kind gets its default. */
export function readTraits(model: Model): SavedState {
  const position = model.get("position");
  return {
    node: wholeOr(model.get("node"), null),
    position: Array.isArray(position) ? position.filter((index) => Number.isInteger(index)) : [],
    component: Math.max(0, wholeOr(model.get("component"), 0)),
    panes: readPanes(model.get("panes")),
    focused: wholeOr(model.get("focused"), 0),
    companion: model.get("companion") !== false,
    zoom: readZoom(model.get("zoom")),
    sameLevels: model.get("same_levels") === true,
    eachLevels: model.get("each_levels") === true,
    levels: readLevels(model.get("levels")),
    contrast: readContrast(model),
  };
}

function wholeOr<T>(value: unknown, otherwise: T): number | T {
  return Number.isInteger(value) ? (value as number) : otherwise;
}

function readPanes(value: unknown): PaneChoice[] {
  const panes = (Array.isArray(value) ? value : []).filter(isRecord).map(({ key, node, component }, i) => ({
    key: wholeOr(key, i),
    node: wholeOr(node, null),
    component: Math.max(0, wholeOr(component, 0)),
    companion: false,
  }));
  const first = panes.filter((pane, i) => panes.findIndex(({ key }) => key === pane.key) === i);
  return first.slice(0, MAX_PANES);
}

function readZoom(value: unknown): Record<string, Zoom> {
  const zoom: Record<string, Zoom> = {};
  for (const [key, entry] of Object.entries(isRecord(value) ? value : {})) {
    if (isRecord(entry) && [entry.scale, entry.x, entry.y].every(Number.isFinite)) {
      const { scale, x, y } = entry as unknown as Zoom;
      zoom[key] = scale > 1 ? { scale, x, y } : WHOLE;
    }
  }
  return zoom;
}

function readLevels(value: unknown): Record<string, HeldLevels> {
  const levels: Record<string, HeldLevels> = {};
  for (const [key, entry] of Object.entries(isRecord(value) ? value : {})) {
    if (isRecord(entry) && typeof entry.low === "number" && typeof entry.high === "number") {
      const { low, high, automatic, free, of, complete } = entry;
      levels[key] = {
        low,
        high,
        automatic: automatic === true,
        free: free === true,
        of: typeof of === "string" ? of : "",
        complete: typeof complete === "number" ? complete : 0,
      };
    }
  }
  return levels;
}

function readContrast(model: Model): Record<PictureClass, ContrastChoice> {
  const choice = { ...DEFAULT_CONTRAST };
  for (const kind of CLASSES) {
    const [colormap, gamma, log] = (["colormap", "gamma", "log"] as const).map((name) => {
      const value = model.get(name);
      // A single value is for patterns, the pictures a notebook opens with.
      return isRecord(value) ? value[kind] : kind === "signal" ? value : undefined;
    });
    choice[kind] = {
      colormap: typeof colormap === "string" ? colormap : choice[kind].colormap,
      gamma: typeof gamma === "number" && gamma > 0 ? gamma : choice[kind].gamma,
      log: typeof log === "boolean" ? log : choice[kind].log,
    };
  }
  return choice;
}

/** Writes the traits; one message for all that changed. */
export function writeTraits(model: Model, state: SavedState): void {
  const of = <K extends keyof ContrastChoice>(key: K): Record<string, ContrastChoice[K]> =>
    Object.fromEntries(CLASSES.map((kind) => [kind, state.contrast[kind][key]]));
  const { node, component, focused, companion } = state;
  const traits: Record<Trait, unknown> = {
    node,
    position: [...state.position],
    component,
    panes: state.panes.map(({ key, node, component }) => ({ key, node, component })),
    focused,
    companion,
    zoom: { ...state.zoom },
    levels: { ...state.levels },
    same_levels: state.sameLevels,
    each_levels: state.eachLevels,
    colormap: of("colormap"),
    gamma: of("gamma"),
    log: of("log"),
  };
  for (const [name, value] of Object.entries(traits)) {
    model.set(name, value);
  }
  model.save_changes();
}
