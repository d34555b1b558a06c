import { expect, test } from "vitest";
import type { NodeDescription } from "../src/protocol/generated";
import { carried, isApart } from "../src/state/scan";
import { strainTree } from "./fixtures";

function nodes(): {
  scan: NodeDescription;
  crop: NodeDescription;
  joined: NodeDescription;
  all: NodeDescription[];
} {
  const [scan] = strainTree();
  if (!scan) {
    throw new Error("a scan");
  }
  const axes = scan.navigation_axes;
  const crop: NodeDescription = {
    ...scan,
    id: 51,
    parents: [scan.id],
    scan: 51,
    in_file: { first: [10, 4], step: [1, 1] },
    navigation_axes: axes.map((axis) => ({ ...axis, size: 12 })),
  };
  const joined: NodeDescription = { ...crop, id: 52, scan: 52, in_file: { first: [0.5, 1.5], step: [2, 4] } };
  return { scan, crop, joined, all: [scan, crop, joined] };
}

test("a place of the scan is the same place in a part of it and in groups of its positions", () => {
  const { scan, crop, joined, all } = nodes();
  expect(carried([13, 9], scan, crop, all)).toEqual([3, 5]);
  expect(carried([3, 5], crop, scan, all)).toEqual([13, 9]);
  expect(carried([13, 9], scan, joined, all)).toEqual([6, 2]);
  expect(carried([6, 2], joined, crop, all)).toEqual([3, 6]);
  // Outside: kept inside by who uses it.
  expect(carried([2, 2], scan, crop, all)).toEqual([-8, -2]);
});

test("one frame for a whole scan is at the position of that scan", () => {
  const { scan, crop, all } = nodes();
  const mean: NodeDescription = { ...crop, id: 53, navigation_axes: [], in_file: undefined };
  expect(carried([3, 5], mean, scan, [...all, mean])).toEqual([13, 9]);
  expect(carried([3, 5], crop, mean, [...all, mean])).toEqual([3, 5]);
  expect(carried([3, 5], scan, { ...crop, source: 7 }, all)).toEqual([3, 5]);
  expect(carried([3, 5], null, crop, all)).toEqual([3, 5]);
});

test("components of a model are no places of the scan", () => {
  const { scan, crop, all } = nodes();
  const component = { name: "component", size: 5, scale: 1, offset: 0, units: "" };
  const loadings: NodeDescription = {
    ...crop,
    id: 54,
    scan: 54,
    in_file: undefined,
    navigation_axes: [component],
  };
  const first: NodeDescription = { ...loadings, id: 55, parents: [54], navigation_axes: [] };
  const every = [...all, loadings, first];
  expect([scan, crop, loadings, first].map((node) => isApart(node, every))).toEqual([
    false,
    false,
    true,
    true,
  ]);
  expect(carried([13, 9], scan, loadings, every)).toBeNull();
  expect(carried([2], loadings, crop, every)).toBeNull();
  expect(carried([2], loadings, first, every)).toEqual([2]);
});
