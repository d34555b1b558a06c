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
    const [, flat] = kernel.nodes;
    if (flat) {
      flat.name = "flattened";
    }
    kernel.changed();
    await pass(0);
    expect(requests("hello")).toHaveLength(2);
    expect(st("tree-node-renamed")).toBeDefined();
    expect(st("tree-node-flattened")).toBeDefined();
    if (flat) {
      flat.name = "flat";
    }
    kernel.changed();
    await pass(0);
    expect(requests("hello")).toHaveLength(2);
    expect(st("tree-node-flat")).toBeDefined();
  });

  it("asks a kernel that is too busy to answer ever less often, however much it hears of it", async () => {
    const { kernel, requests, st } = await show({ node: 2 });
    const [scan] = kernel.nodes;
    kernel.silent = true;
    kernel.lost();
    const hear = async (seconds: number): Promise<void> => {
      for (let step = 0; step < 10 * seconds; step++) {
        if (scan) {
          scan.name = `step${step}`;
        }
        kernel.changed();
        await pass(100);
      }
    };
    // Greeted after 0, 6 and 15 s: each greeting takes 3 s to fail, and the pauses are 3, 6 and 12 s.
    await hear(20);
    expect(requests("hello")).toHaveLength(4);
    kernel.silent = false;
    await hear(11);
    expect(requests("hello")).toHaveLength(5);
    expect(st("status-message").textContent).toBe("");
    expect(st("tree-node-step109")).toBeDefined();
  });
});

describe("a computation that stops without a word", () => {
  it("is not said to run when the tree is told next", async () => {
    const { kernel, st } = await show({ node: 2 });
    kernel.progressed({
      node: 4,
      state: "running",
      done: 43,
      total: 100,
      label: "computing strain",
      message: "",
      can_resume: false,
    });
    await pass();
    expect(st("status-progress-label").textContent).toContain("43 %");
    kernel.changed();
    await pass();
    expect(st("status-progress").hidden).toBe(true);
  });
});
