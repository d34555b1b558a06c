/** The code of nodes as a cell that makes them again. */

import type { NodeDescription } from "../protocol/generated";
import { nodeById } from "./tree";

/** The lines that make a node, its ancestors first; a line each. */
export function codeOf(nodes: readonly NodeDescription[], id: number | null): string {
  const needed = new Set<number>();
  const visit = (wanted: number | null): void => {
    const node = nodeById(nodes, wanted);
    if (node && !needed.has(node.id)) {
      needed.add(node.id);
      node.parents.forEach(visit);
    }
  };
  visit(id);
  return lines(nodes.filter((node) => needed.has(node.id)));
}

/** The lines that make the whole tree: parents come before children. */
export function codeOfTree(nodes: readonly NodeDescription[]): string {
  return lines(nodes);
}

/** Nodes made by a closure have no line of their own: what is below them would not run. */
function lines(nodes: readonly NodeDescription[]): string {
  return nodes
    .map((node) => node.code || `// ${node.name}: made by code of its own, copy its cell`)
    .join("\n");
}
