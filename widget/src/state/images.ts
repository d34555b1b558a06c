/**
 * The pictures of a node, counted through: the images of a map, then the composites that are drawn from several of them;
 * the parts of complex frames; the images along the slowest of three signal axes, of complex ones all images of a part before those
 * of the next; frames of colours, drawn as they are.
 */

import type {
  AxisDescription,
  ComponentDescription,
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

/** How many images a frame has along the slowest of three signal axes; 1 of all others. */
export function imageCount(node: NodeDescription | null): number {
  return stackAxis(node)?.size ?? 1;
}

export function pictureCount(node: NodeDescription | null): number {
  const parts = node ? node.components.length + node.composites.length : 0;
  return stackAxis(node) ? imageCount(node) * Math.max(1, parts) : parts;
}

/** The number of the component that a picture is one of. */
export function componentNumber(node: NodeDescription, picture: number): number {
  return Math.floor(picture / imageCount(node));
}

export function componentOf(node: NodeDescription | null, picture: number): ComponentDescription | undefined {
  return node?.components[componentNumber(node, picture)];
}

/** The same image of another component. */
export function pictureOf(node: NodeDescription | null, component: number, shown: number): number {
  const images = imageCount(node);
  return component * images + (shown % images);
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
  const display = componentOf(node, picture)?.display ?? { type: "sequential" };
  // What rises from nothing is drawn as counts are.
  return node?.kind !== "map" && display.type === "sequential" ? FRAME : display;
}

/** Whether levels can be chosen: a period, names, images with levels of their own and own colours leave no choice. */
export function hasLevels({ type }: Shows): boolean {
  return type !== "cyclic" && type !== "categorical" && type !== "rgb" && type !== "colours";
}
