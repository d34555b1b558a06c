/** The pictures of a map, counted through: its images, then the composites that are drawn from several of them. */

import type { CompositeDescription, DisplayDescription, NodeDescription } from "../protocol/generated";

/** What a picture is drawn as. */
export type Shows = DisplayDescription | { type: "frame" | "wheel" | "rgb" };

export const FRAME: Shows = { type: "frame" };

export function pictureCount(node: NodeDescription | null): number {
  return node ? node.components.length + node.composites.length : 0;
}

export function compositeOf(node: NodeDescription, picture: number): CompositeDescription | null {
  return node.composites[picture - node.components.length] ?? null;
}

/** The images that a picture is drawn from. */
export function planesOf(node: NodeDescription, picture: number): readonly number[] {
  return compositeOf(node, picture)?.components ?? [picture];
}

export function showsOf(node: NodeDescription | null, picture: number): Shows {
  if (node?.kind !== "map") {
    return FRAME;
  }
  const composite = compositeOf(node, picture);
  return composite
    ? { type: composite.colouring }
    : (node.components[picture]?.display ?? { type: "sequential" });
}

/** Whether levels can be chosen: a period, names, and images with levels of their own leave no choice. */
export function hasLevels({ type }: Shows): boolean {
  return type !== "cyclic" && type !== "categorical" && type !== "rgb";
}
