/** Questions about the tree that several panels ask. */

import type { NodeDescription, OperationDescription, ParameterDescription } from "../protocol/generated";

export function nodeById(nodes: readonly NodeDescription[], id: number | null): NodeDescription | null {
  return nodes.find((node) => node.id === id) ?? null;
}

/** A node with what was measured for earlier parameters of it. */
interface FormerlyMeasured extends NodeDescription {
  measured_formerly?: true;
}

/** With what was measured before its parameters changed, until it is measured anew: nothing that shows it comes and goes. */
export function keptMeasured(before: NodeDescription | null, node: NodeDescription): NodeDescription {
  const told = node.measured !== undefined || node.measured_parameters !== undefined;
  if (told || before?.operation !== node.operation || node.operation === null) {
    return node;
  }
  const { measured, measured_parameters } = before;
  const kept: FormerlyMeasured = {
    ...node,
    ...(measured !== undefined && { measured }),
    ...(measured_parameters && { measured_parameters }),
    ...((before.revision !== node.revision || isMeasuredFormerly(before)) && { measured_formerly: true }),
  };
  return kept;
}

/** Whether two values of a parameter are the same; what is not there is left out. */
export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}

/** Whether what was measured of a node belongs to earlier parameters. */
export function isMeasuredFormerly(node: FormerlyMeasured): boolean {
  return node.measured_formerly === true;
}

export interface TreeRow {
  node: NodeDescription;
  depth: number;
  hasChildren: boolean;
}

/** Depth-first rows; a node with several parents stands below its first. */
export function rows(nodes: readonly NodeDescription[]): TreeRow[] {
  const known = new Set(nodes.map((node) => node.id));
  const out: TreeRow[] = [];
  const visit = (node: NodeDescription, depth: number): void => {
    const hasChildren = nodes.some((other) => other.parents.includes(node.id));
    out.push({ node, depth, hasChildren });
    for (const child of nodes.filter((other) => other.parents[0] === node.id)) {
      visit(child, depth + 1);
    }
  };
  for (const node of nodes) {
    if (!known.has(node.parents[0] ?? Number.NaN)) {
      visit(node, 0);
    }
  }
  return out;
}

/** Where the viewer goes when the shown node is gone. */
export function nearestNode(
  before: readonly NodeDescription[],
  after: readonly NodeDescription[],
  id: number | null,
): number | null {
  let current = nodeById(before, id);
  while (current) {
    const parent = current.parents[0] ?? null;
    if (nodeById(after, parent)) {
      return parent;
    }
    current = nodeById(before, parent);
  }
  return after.at(-1)?.id ?? null;
}

/** A node and all it is computed from. */
export function withAncestors(nodes: readonly NodeDescription[], node: NodeDescription): NodeDescription[] {
  const found = new Set([node]);
  for (const { parents } of found) {
    for (const parent of parents) {
      const above = nodeById(nodes, parent);
      if (above) {
        found.add(above);
      }
    }
  }
  return [...found];
}

export function operationOf(
  node: NodeDescription | null,
  operations: readonly OperationDescription[],
): OperationDescription | null {
  return operations.find((operation) => operation.name === node?.operation) ?? null;
}

/** The values of a node's parameters of one kind, for drawing them over the pictures. */
export function parametersOfKind(
  node: NodeDescription | null,
  operations: readonly OperationDescription[],
  kind: ParameterDescription["control"]["type"],
): { name: string; value: unknown }[] {
  const operation = operationOf(node, operations);
  return (operation?.parameters ?? [])
    .filter((parameter) => parameter.control.type === kind)
    .map((parameter) => ({ name: parameter.name, value: node?.params[parameter.name] ?? null }));
}

/** The radius of the disks in pixels, measured or as it was given, of the node or the nearest one above it. */
export function peakRadius(nodes: readonly NodeDescription[], node: NodeDescription | null): number | null {
  for (let current = node; current; current = nodeById(nodes, current.parents[0] ?? null)) {
    const radius = current.measured_parameters?.radius ?? current.params.radius;
    if (typeof radius === "number" && radius > 0) {
      return radius;
    }
  }
  return null;
}

/** The shape of the pictures of a node: those of one shape are zoomed together. */
export function shapeOf(node: NodeDescription): { key: string; width: number; height: number } {
  const axes = node.kind === "map" ? node.navigation_axes : node.signal_axes;
  const [rows, columns] = [axes.at(-2)?.size ?? 1, axes.at(-1)?.size ?? 1];
  return {
    key: `${node.kind === "map" ? "navigation" : "signal"}:${columns}x${rows}`,
    width: columns,
    height: rows,
  };
}

/** Whether the scan of a node has a navigation image: several positions, and frames to take the mean of. */
export function hasNavigator(nodes: readonly NodeDescription[], node: NodeDescription): boolean {
  const positions = node.navigation_axes.reduce((count, axis) => count * axis.size, 1);
  return positions > 1 && nodeById(nodes, node.source)?.kind !== "map";
}

/** Whether the regions among the parameters of a node are regions of the scan of `shown`: they are of its input's scan. */
export function regionsBelongTo(
  node: NodeDescription,
  shown: NodeDescription,
  nodes: readonly NodeDescription[],
): boolean {
  return (nodeById(nodes, node.parents[0] ?? null)?.scan ?? node.scan) === shown.scan;
}
