import { expect, test } from "vitest";
import type { ProgressState } from "../src/protocol/generated";
import { loadingsTree } from "./fixtures";
import { eachOnAFreshPage, pass, press, show } from "./mounted";

eachOnAFreshPage();

test("components of a model have a navigator of their own, from the first on, and each scan keeps its place", async () => {
  const { st, model, requests } = await show({}, { nodes: loadingsTree() });
  expect(model.traits.position).toEqual([3, 7]);
  const go = async (name: string): Promise<unknown> => {
    st(`tree-node-${name}`).click();
    await pass();
    return model.traits.position;
  };
  expect(await go("loadings")).toEqual([0]);
  expect(requests("frame").at(-1)).toMatchObject({ node: 62, index: [0] });
  expect(requests("navigator").at(-1)).toMatchObject({ node: 62, index: [0] });
  expect(st("navigator-readout").textContent).toContain("component 0");
  press(st("navigator-canvas"), "ArrowRight");
  await pass();
  expect(model.traits.position).toEqual([1]);
  expect(await go("scan")).toEqual([3, 7]);
  expect(await go("loadings")).toEqual([1]);
});

test("a view that opens on them begins with the first", async () => {
  const { model } = await show({ node: 62, position: [] }, { nodes: loadingsTree() });
  await pass();
  expect(model.traits.position).toEqual([0]);
});

test("a navigator whose fit was cancelled is asked for again when the fit goes on, not before", async () => {
  const { st, kernel, requests } = await show({}, { nodes: loadingsTree() });
  const model = (state: ProgressState): Promise<unknown> => {
    const of = { node: 61, done: 2, total: 9, label: "measuring model", message: "", can_resume: true };
    const progress = { ...of, state };
    for (const node of kernel.nodes.filter(({ id }) => id === 61)) {
      node.progress = progress;
    }
    kernel.progressed(progress);
    return pass();
  };
  const asked = (): number => requests("navigator").length;
  kernel.failNavigators = { code: "cancelled", message: "cancelled", hint: "", node: 61, index: null };
  await model("running");
  st("tree-node-loadings").click();
  await pass();
  const first = asked();
  expect(requests("navigator").at(-1)).toMatchObject({ node: 62 });
  expect(st("status-message").textContent).toContain("cancelled");

  // The kernel's word of the cancel comes after the failure, or before it.
  await model("cancelled");
  press(st("navigator-canvas"), "ArrowRight");
  kernel.changed();
  await pass(20_000);
  expect(asked()).toBe(first);
  await model("running");
  expect(asked()).toBe(first + 1);
  await model("cancelled");
  expect(asked()).toBe(first + 1);

  kernel.failNavigators = null;
  await model("running");
  expect(asked()).toBe(first + 2);
  expect(st("navigator-readout").textContent).toContain("component");
  await model("done");
  expect(asked()).toBe(first + 2);
});

test("a navigator that failed is asked for again when what it comes from became better", async () => {
  const { st, kernel, model, requests } = await show({}, { nodes: loadingsTree() });
  kernel.failNavigators = { code: "cancelled", message: "cancelled", hint: "", node: 61, index: null };
  st("tree-node-loadings").click();
  await pass();
  const first = requests("navigator").length;
  model.deliver({ type: "refined", node: 61, view: null, complete: 1 });
  await pass(20_000);
  expect(requests("navigator")).toHaveLength(first + 1);
});
