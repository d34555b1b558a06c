import { describe, expect, it } from "vitest";
import type { NodeDescription, TreeChange } from "../src/protocol/generated";
import { afterChange } from "../src/state/told";
import { strainTree } from "./fixtures";
import { eachOnAFreshPage, pass, show } from "./mounted";

eachOnAFreshPage();

const change = (rest: Partial<TreeChange>): TreeChange => ({ since: 3, revision: 4, nodes: [], ...rest });

describe("a change of the tree", () => {
  const [scan, flat, peaks, strain] = strainTree() as [
    NodeDescription,
    NodeDescription,
    NodeDescription,
    NodeDescription,
  ];
  const tree = { revision: 3, nodes: [scan, flat, peaks] };

  it("gives fields, takes fields, and leaves the rest as the objects they were", () => {
    const nodes = [{ id: 3, fields: { revision: 7 }, without: ["measured"] }];
    const after = afterChange(tree, change({ nodes }));
    expect(after?.revision).toBe(4);
    expect(after?.nodes.slice(0, 2)).toEqual([scan, flat]);
    expect(after?.nodes[0]).toBe(scan);
    const { measured, ...rest } = peaks;
    expect(measured).toBeDefined();
    expect(after?.nodes[2]).toEqual({ ...rest, revision: 7 });
    expect(after?.nodes[2]).not.toHaveProperty("measured");
  });

  it("adds and removes nodes, in the order it says", () => {
    const nodes = [{ id: 4, fields: { ...strain } }];
    const after = afterChange(tree, change({ nodes, order: [1, 4, 2] }));
    expect(after?.nodes).toEqual([scan, strain, flat]);
  });

  it("is none of another tree", () => {
    expect(afterChange(tree, change({ since: 2 }))).toBeNull();
  });
});

describe("a page that missed a change", () => {
  it("asks for the whole tree at the next one", async () => {
    const { kernel, requests, st } = await show({ node: 2 });
    expect(requests("hello")).toHaveLength(1);
    const [scan] = kernel.nodes;
    if (scan) {
      scan.name = "renamed";
    }
    kernel.lost();
    kernel.changed();
    await pass(0);
    expect(requests("hello")).toHaveLength(2);
    expect(st("tree-node-renamed")).toBeDefined();
    kernel.changed();
    await pass(0);
    expect(requests("hello")).toHaveLength(2);
  });
});
