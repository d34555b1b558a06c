/** Which nodes are shown side by side. Pure functions over lists of panes. */

import type { NodeDescription, OperationDescription } from "../protocol/generated";
import { outlineOf } from "./detector";
import { nearestNode, nodeById, operationOf } from "./tree";

export const MAX_PANES = 4;

/** Least key of the pane that comes by itself beside the image of a detector. */
const COMPANION_KEY = 9;
/** With more than these the pattern would take the room of what is compared. */
const MAX_BESIDE_COMPANION = 2;

export interface PaneChoice {
  /** Tells panes apart while they move in the list. */
  key: number;
  node: number | null;
  component: number;
  /** Shows the pattern that a detector lies on, as long as nothing else is compared. */
  companion: boolean;
}

/** What is remembered of them: the focused pane's node and component, and the other panes. */
export interface Arrangement {
  node: number | null;
  component: number;
  panes: readonly PaneChoice[];
  focused: number;
  /** Whether the pattern of a detector is shown beside its image. */
  companion: boolean;
}

/** The panes in their order; the focused one has the selected node. */
export function resolve({ node, component, panes, focused }: Arrangement): PaneChoice[] {
  const chosen = { key: focused, node, component, companion: false };
  return panes.some(({ key }) => key === focused)
    ? panes.map((pane) => (pane.key === focused ? chosen : pane))
    : [chosen];
}

/** `resolve`, and the pattern beside the image of a detector. */
export function shownPanes(
  state: Arrangement,
  nodes: readonly NodeDescription[],
  operations: readonly OperationDescription[],
): PaneChoice[] {
  const panes = resolve(state);
  const node = nodeById(nodes, state.node);
  const parent = nodeById(nodes, node?.parents[0] ?? null);
  const room = panes.length <= MAX_BESIDE_COMPANION && !panes.some((pane) => pane.node === parent?.id);
  if (!state.companion || !room || !parent || !node || parent.kind === "map") {
    return panes;
  }
  const outline = outlineOf(operationOf(node, operations));
  // The centre of a radial profile lies on the pattern, not on the profile.
  const isOnParent = node.kind === "map" || (outline?.type === "point" && node.signal_axes.length === 1);
  if (!outline || !isOnParent) {
    return panes;
  }
  const key = freeKey(panes, COMPANION_KEY);
  return [{ key, node: parent.id, component: 0, companion: true }, ...panes];
}

function freeKey(panes: readonly PaneChoice[], least: number): number {
  let key = least;
  while (panes.some((pane) => pane.key === key)) {
    key += 1;
  }
  return key;
}

/** A pane for `node` after the last one; the focus stays. `null` when there is no room. */
export function withPane(
  shown: readonly PaneChoice[],
  node: number,
  component: number,
): { panes: PaneChoice[]; key: number } | null {
  const panes = shown.filter(({ companion }) => !companion);
  if (panes.length >= MAX_PANES) {
    return null;
  }
  const key = freeKey(panes, 0);
  return { panes: [...panes, { key, node, component, companion: false }], key };
}

/** `node` selected in a pane of its own after the others; `null` when it is shown already or there is no room. */
export function besideSelected(
  { node: before, component: old, focused }: Arrangement,
  shown: readonly PaneChoice[],
  node: number,
  component: number,
): Partial<Arrangement> | null {
  const more = withPane(shown, node, component);
  if (before === null || !more || shown.some((pane) => pane.node === node && pane.key !== focused)) {
    return null;
  }
  const panes = more.panes.map((pane) =>
    pane.key === focused ? { ...pane, node: before, component: old } : pane,
  );
  return { panes, focused: more.key, node, component };
}

/** The pane `key` has the selected node, and all panes stay. `null` when nothing changes. */
export function focusedOn(
  { focused }: Arrangement,
  shown: readonly PaneChoice[],
  key: number,
): Partial<Arrangement> | null {
  const next = shown.find((pane) => pane.key === key);
  if (!next || key === focused) {
    return null;
  }
  const panes = shown.map((pane) => ({ ...pane, companion: false }));
  return { panes, focused: key, node: next.node, component: next.component };
}

/** Without the pane `key`; the one before it has the selected node if that was its. The last one stays. */
export function withoutPane(
  { focused, node, component }: Arrangement,
  shown: readonly PaneChoice[],
  key: number,
): Partial<Arrangement> | null {
  const at = shown.findIndex((pane) => pane.key === key);
  if (at < 0 || shown.length < 2) {
    return null;
  }
  if (shown[at]?.companion) {
    return { companion: false };
  }
  const panes = shown.filter((pane) => pane.key !== key && !pane.companion);
  if (key !== focused) {
    return { panes, focused, node, component };
  }
  const next = shown.slice(0, at).findLast((pane) => !pane.companion) ?? panes[0];
  return next ? { panes, focused: next.key, node: next.node, component: next.component } : null;
}

/** Panes whose nodes are gone show the nearest node that is left, or go. */
export function keepPanes(
  panes: readonly PaneChoice[],
  focused: number,
  before: readonly NodeDescription[],
  after: readonly NodeDescription[],
): readonly PaneChoice[] {
  const gone = (pane: PaneChoice): boolean => pane.key !== focused && nodeById(after, pane.node) === null;
  if (!panes.some(gone)) {
    return panes;
  }
  return panes.flatMap((pane) => {
    if (!gone(pane)) {
      return [pane];
    }
    const nearest = nodeById(before, pane.node) ? nearestNode(before, after, pane.node) : null;
    const doubled = panes.some((other) => other.key !== pane.key && other.node === nearest);
    return nearest === null || doubled ? [] : [{ ...pane, node: nearest, component: 0 }];
  });
}
