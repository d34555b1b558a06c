/** What two nodes differ in: their own parameters, and the operations above them. */

import type { NodeDescription, OperationDescription, ParameterDescription } from "../protocol/generated";
import { nodeById, operationOf, same } from "./tree";

export interface Difference {
  /** The operation, and its parameter; `null`: the operation itself is on one side only. */
  operation: string;
  parameter: ParameterDescription | null;
  /** Values on both sides; `undefined` where there is none. */
  left: unknown;
  right: unknown;
}

/**
 * Differences from the common ancestor down. Operations are paired in their order: equal ones are
 * compared by their parameters, others stand for themselves.
 */
export function differences(
  left: NodeDescription,
  right: NodeDescription,
  nodes: readonly NodeDescription[],
  operations: readonly OperationDescription[],
): Difference[] {
  const [above, below] = [chain(left, nodes), chain(right, nodes)];
  let shared = 0;
  while (above[shared] && above[shared]?.id === below[shared]?.id) {
    shared += 1;
  }
  const [ours, theirs] = [above.slice(shared), below.slice(shared)];
  return align(ours, theirs).flatMap(([a, b]): Difference[] => {
    const operation = operationOf(a ?? b ?? null, operations);
    if (!a || !b) {
      const only = (a ?? b) as NodeDescription;
      const title = only.operation === null ? "File" : (operation?.title ?? only.operation);
      return [{ operation: title, parameter: null, left: a?.name, right: b?.name }];
    }
    if (a.operation === null) {
      return [{ operation: "File", parameter: null, left: a.name, right: b.name }];
    }
    return (operation?.parameters ?? []).flatMap((parameter) => {
      const [x, y] = [a.params[parameter.name] ?? null, b.params[parameter.name] ?? null];
      return same(x, y) ? [] : [{ operation: operation?.title ?? "", parameter, left: x, right: y }];
    });
  });
}

/** From the file down to the node, along the first parents. */
function chain(node: NodeDescription, nodes: readonly NodeDescription[]): NodeDescription[] {
  const found: NodeDescription[] = [];
  for (
    let current: NodeDescription | null = node;
    current;
    current = nodeById(nodes, current.parents[0] ?? null)
  ) {
    found.unshift(current);
  }
  return found;
}

type Pairs = [NodeDescription | undefined, NodeDescription | undefined][];

/** Pairs nodes of the same operation, as many as their order allows. */
function align(ours: readonly NodeDescription[], theirs: readonly NodeDescription[]): Pairs {
  const [first, ...rest] = ours;
  if (!first) {
    return theirs.map((node) => [undefined, node]);
  }
  const at = theirs.findIndex((node) => node.operation === first.operation);
  const taken: Pairs =
    at < 0
      ? [[first, undefined], ...align(rest, theirs)]
      : [
          ...theirs.slice(0, at).map((node): Pairs[number] => [undefined, node]),
          [first, theirs[at]],
          ...align(rest, theirs.slice(at + 1)),
        ];
  if (at <= 0) {
    return taken;
  }
  const skipped: Pairs = [[first, undefined], ...align(rest, theirs)];
  return paired(skipped) > paired(taken) ? skipped : taken;
}

function paired(pairs: Pairs): number {
  return pairs.filter(([a, b]) => a && b).length;
}

/** A value as people read it. */
export function valueText(value: unknown, units: string): string {
  if (value === null || value === undefined) {
    return "auto";
  }
  if (typeof value === "boolean") {
    return value ? "on" : "off";
  }
  const number = (part: unknown): string =>
    typeof part === "number" ? String(Number(part.toPrecision(6))).replace("-", "\u2212") : String(part);
  if (typeof value === "number") {
    return units === "" ? number(value) : `${number(value)} ${units}`;
  }
  if (Array.isArray(value)) {
    return `${value.map(number).join(", ")}${units === "" ? "" : ` ${units}`}`;
  }
  if (typeof value === "object") {
    const region = value as { x0?: unknown; y0?: unknown; width?: unknown; height?: unknown };
    return region.width === undefined
      ? JSON.stringify(value)
      : `${number(region.height)} × ${number(region.width)} at y ${number(region.y0)}, x ${number(region.x0)}`;
  }
  return String(value).replaceAll("_", " ");
}
