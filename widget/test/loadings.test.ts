import { expect, test } from "vitest";
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
