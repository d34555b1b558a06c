/**
 * The pictures of a node, counted through: the images of a map, then the composites that are drawn from several of them;
 * the parts of complex frames; the images along the slowest of three signal axes; frames of colours, drawn as they are.
 */

import type {
  AxisDescription,
  CompositeDescription,
  DisplayDescription,
  NodeDescription,
} from "../protocol/generated";

/** What a picture is drawn as. */
export type Shows = DisplayDescription | { type: "frame" | "wheel" | "rgb" | "colours" };

export const FRAME: Shows = { type: "frame" };

/** The axis along which the images of a frame lie, if it has three. */
export function stackAxis(node: NodeDescription | null): AxisDescription | null {
  const [outer] = node?.signal_axes ?? [];
  return node?.kind === "frame" && node.signal_axes.length > 2 ? (outer ?? null) : null;
}

export function pictureCount(node: NodeDescription | null): number {
  return node ? (stackAxis(node)?.size ?? node.components.length + node.composites.length) : 0;
}

export function compositeOf(node: NodeDescription, picture: number): CompositeDescription | null {
  return node.composites[picture - node.components.length] ?? null;
}

/** The images that a picture is drawn from. */
export function planesOf(node: NodeDescription, picture: number): readonly number[] {
  return compositeOf(node, picture)?.components ?? [picture];
}

export function showsOf(node: NodeDescription | null, picture: number): Shows {
  const composite = node && compositeOf(node, picture);
  if (composite) {
    return { type: composite.colouring };
  }
  const display = node?.components[picture]?.display ?? { type: "sequential" };
  // What rises from nothing is drawn as counts are.
  return node?.kind !== "map" && display.type === "sequential" ? FRAME : display;
}

/** Whether levels can be chosen: a period, names, images with levels of their own and own colours leave no choice. */
export function hasLevels({ type }: Shows): boolean {
  return type !== "cyclic" && type !== "categorical" && type !== "rgb" && type !== "colours";
}
