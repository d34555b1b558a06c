/** The tree as the kernel tells it: whole once, afterwards what changed. */

import type { NodeDescription, TreeChange, TreeDescription } from "../protocol/generated";

/** The tree after a change; `null` where it is a change of another tree, because one of them was lost on the way. */
export function afterChange(tree: TreeDescription, change: TreeChange): TreeDescription | null {
  if (change.since !== tree.revision) {
    return null;
  }
  const nodes = new Map(tree.nodes.map((node) => [node.id, node]));
  for (const { id, fields, without = [] } of change.nodes) {
    const entries = Object.entries({ ...nodes.get(id), ...fields });
    const kept = entries.filter(([name]) => !without.includes(name));
    nodes.set(id, Object.fromEntries(kept) as unknown as NodeDescription);
  }
  const order = change.order ?? tree.nodes.map(({ id }) => id);
  return { revision: change.revision, nodes: order.flatMap((id) => nodes.get(id) ?? []) };
}
