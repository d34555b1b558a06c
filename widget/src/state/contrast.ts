/** What is remembered about the display of each kind of picture. */

import type { NodeDescription } from "../protocol/generated";
import { colormapNamed } from "../render/colormap";
import type { Contrast, Levels } from "../render/table";

/** Pictures that share colormap, gamma and logarithm. */
export type PictureClass = "signal" | "map" | "diverging";

export interface ContrastChoice {
  colormap: string;
  gamma: number;
  log: boolean;
}

export interface HeldLevels extends Levels {
  /** Chosen from the percentiles, and chosen again when the node's result changes. */
  automatic: boolean;
  /** Of a picture around zero: the two need not be opposite. */
  free: boolean;
}

export const DEFAULT_CONTRAST: Record<PictureClass, ContrastChoice> = {
  signal: { colormap: "gray", gamma: 1, log: false },
  map: { colormap: "viridis", gamma: 1, log: false },
  diverging: { colormap: "diverging", gamma: 1, log: false },
};

export function pictureClass(node: NodeDescription | null, component: number): PictureClass {
  if (node?.kind !== "map") {
    return "signal";
  }
  return node.components[component]?.diverging ? "diverging" : "map";
}

/** Levels are held per node and component: values of different nodes have nothing in common. */
export function levelsKey(node: NodeDescription, component: number): string {
  return node.kind === "map" ? `${node.id}.${component}` : String(node.id);
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

export function contrastOf(choice: ContrastChoice): Contrast {
  return { colormap: colormapNamed(choice.colormap), gamma: choice.gamma, log: choice.log };
}
