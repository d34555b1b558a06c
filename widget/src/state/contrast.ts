/** What is remembered about the display of each kind of picture. */

import type { FrameReply, NavigationRegion, NodeDescription } from "../protocol/generated";
import { COLORMAPS, type Colormap, colormapNamed } from "../render/colormap";
import type { Contrast, Levels } from "../render/table";
import type { Draft } from "./detector";
import { componentNumber, showsOf, stackAxis } from "./images";

/** Pictures that share colormap, gamma and logarithm. */
export type PictureClass =
  | "signal"
  | "map"
  | "diverging"
  | "cyclic"
  | "categorical"
  | "wheel"
  | "rgb"
  | "colours";

export interface ContrastChoice {
  colormap: string;
  gamma: number;
  log: boolean;
}

export interface HeldLevels extends Levels {
  /** Chosen from the percentiles, and chosen again when the values are others. */
  automatic: boolean;
  /** Of a picture around zero: the two need not be opposite. */
  free: boolean;
  /** The values that automatic ones were chosen from, by `chosenFrom`. */
  of: string;
  /** Share of a map that was there then. */
  complete: number;
}

export const DEFAULT_CONTRAST: Record<PictureClass, ContrastChoice> = {
  signal: { colormap: "gray", gamma: 1, log: false },
  map: { colormap: "viridis", gamma: 1, log: false },
  diverging: { colormap: "diverging", gamma: 1, log: false },
  cyclic: { colormap: "twilight", gamma: 1, log: false },
  categorical: { colormap: "categories", gamma: 1, log: false },
  wheel: { colormap: "hues", gamma: 1, log: false },
  rgb: { colormap: "gray", gamma: 1, log: false },
  colours: { colormap: "gray", gamma: 1, log: false },
};

export const CLASSES = Object.keys(DEFAULT_CONTRAST) as PictureClass[];

export function pictureClass(node: NodeDescription | null, picture: number): PictureClass {
  const { type } = showsOf(node, picture);
  return type === "frame" ? "signal" : type === "sequential" ? "map" : type;
}

/** Whether a colormap can show the pictures of a class. */
function suits(kind: PictureClass, { kind: of }: Colormap): boolean {
  if (kind === "cyclic" || kind === "wheel") {
    return of === "cyclic";
  }
  return kind === "categorical" ? of === "categorical" : of !== "categorical";
}

export function colormapsFor(kind: PictureClass): Colormap[] {
  return COLORMAPS.filter((map) => suits(kind, map));
}

/** Levels are held per node and component: values of different nodes have nothing in common. */
export function levelsKey(node: NodeDescription, component: number): string {
  const several = node.kind === "map" || node.components.length > 0;
  // All images of a part of three axes have its levels.
  return several ? `${node.id}.${componentNumber(node, component)}` : String(node.id);
}

/** What is tried on a node without being its own yet. */
export interface Trial {
  draft: Record<string, unknown> | null;
  region: NavigationRegion | null;
}

export function trialOf(
  { draft, region }: { draft: Draft | null; region: NavigationRegion | null },
  node: NodeDescription,
): Trial {
  return {
    draft: draft?.node === node.id ? draft.params : null,
    region: node.kind === "frame" && node.navigation_axes.length > 0 ? region : null,
  };
}

/**
 * The values of a picture: the revision of its node alone, or what is tried. A mean of positions has the values of a
 * frame; a sum grows with its region. Where positions are components of a model, and where somebody wants it so, `each` image has
 * values of its own.
 */
export function chosenFrom(
  { revision, index, component }: Pick<FrameReply, "revision" | "index" | "component">,
  { draft, region }: Trial,
  each: boolean,
): string {
  const area = region?.statistic === "sum" ? region.width * region.height : 1;
  const values = draft || area > 1 ? JSON.stringify([draft ?? revision, area]) : String(revision);
  return each ? `${values}@${[...index, component]}` : values;
}

/**
 * Which level nearly all of an image lies beyond, so that it is drawn in one colour: 99 of 100 pixels are below the low one or
 * above the high one.
 */
export function beyond(
  { low, high }: Levels,
  [least, greatest]: readonly [number, number],
): "low" | "high" | null {
  return greatest < low ? "low" : least > high ? "high" : null;
}

/** Whether a node has several images, of which each may have levels of its own. */
export function hasSeveralImages(node: NodeDescription | null): boolean {
  const positions = node?.navigation_axes.some(({ size }) => size > 1) ?? false;
  return node?.kind === "frame" && (positions || stackAxis(node) !== null);
}

/** The levels a picture is drawn with; panes of one kind may have those of the selected node. */
export function levelsFor(
  state: {
    levels: Readonly<Record<string, HeldLevels>>;
    sameLevels: boolean;
    component: number;
  },
  selected: NodeDescription | null,
  node: NodeDescription,
  component: number,
): HeldLevels | undefined {
  const own = state.levels[levelsKey(node, component)];
  const alike = pictureClass(selected, state.component) === pictureClass(node, component);
  return selected && state.sameLevels && alike
    ? (state.levels[levelsKey(selected, state.component)] ?? own)
    : own;
}

/** The contrast of a class of pictures; a colormap that cannot show them is not taken for them. */
export function contrastOf(
  choices: Readonly<Record<PictureClass, ContrastChoice>>,
  kind: PictureClass,
): Contrast {
  const { colormap, gamma, log } = choices[kind];
  const chosen = colormapNamed(colormap);
  const usual = colormapNamed(DEFAULT_CONTRAST[kind].colormap);
  return { colormap: suits(kind, chosen) ? chosen : usual, gamma, log, wraps: kind === "cyclic" };
}
