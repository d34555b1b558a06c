import { describe, expect, it } from "vitest";
import { eachOnAFreshPage, hook, pass, show } from "./mounted";

eachOnAFreshPage();

describe("tree changes", () => {
  it("adds an operation that fits and shows its node", async () => {
    const { st, requests, model } = await show({ node: 2 });
    st("add-operation").click();
    await pass(0);
    expect(st("operation-strain_map").getAttribute("aria-disabled")).toBe("true");
    expect(st("operation-strain_map").textContent).toContain("needs peaks");
    st("operation-strain_map").click();
    expect(requests("add_operation")).toHaveLength(0);
    st("operation-normalized_correlation").click();
    await pass(600);
    expect(requests("add_operation")[0]).toMatchObject({
      parents: [2],
      operation: "normalized_correlation",
      params: {},
    });
    expect(model.traits.node).toBe(20);
    expect(hook().frame?.node).toBe(20);
  });

  it("shows why a node cannot be removed", async () => {
    const { st } = await show({ node: 2 });
    st("remove-node-flat").click();
    await pass(100);
    expect(st("status").textContent).toContain("peaks is computed from this node");
    expect(st("status").textContent).toContain("Remove peaks first");
    expect(st("status").dataset.level).toBe("error");
  });

  it("goes to the parent of a shown node that is removed", async () => {
    const { st, model } = await show({ node: 4 });
    st("remove-node-strain").click();
    await pass(600);
    expect(model.traits.node).toBe(3);
    expect(hook().frame?.node).toBe(3);
  });
});
