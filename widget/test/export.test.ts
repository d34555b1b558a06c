import { describe, expect, it } from "vitest";
import { codeOf, codeOfTree } from "../src/state/export";
import { detectorTree, strainTree } from "./fixtures";
import { eachOnAFreshPage, show } from "./mounted";

eachOnAFreshPage();

describe("the tree as code", () => {
  it("has what a node needs, or everything, parents first", async () => {
    const nodes = [...strainTree(), ...detectorTree().slice(1)];
    expect(codeOf(nodes, 5).split("\n")).toEqual([
      'let scan = open("strained_grain.zspy")?;',
      "let bright = scan.virtual_image(Disk::default())?;",
    ]);
    expect(codeOfTree(nodes).split("\n")).toHaveLength(5);
    const { st } = await show({ node: 2 });
    st("export").click();
    expect(st("export-code").textContent?.split("\n")).toHaveLength(2);
    st("export-tree").click();
    expect(st("export-code").textContent?.split("\n")).toHaveLength(4);
  });
});
