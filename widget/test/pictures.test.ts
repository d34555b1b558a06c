import { describe, expect, test } from "vitest";
import { pictureClass } from "../src/state/contrast";
import { complexStackTree, complexTree, stackTree } from "./fixtures";
import { eachOnAFreshPage, pass, show, type } from "./mounted";

eachOnAFreshPage();

describe("complex numbers", () => {
  test("have a tab for each part, and the colours and levels of each", async () => {
    const { st, model, requests } = await show({ node: 71, position: [3, 7] }, { nodes: complexTree() });
    expect(requests("frame").at(-1)).toMatchObject({ node: 71, component: 0 });
    st("component-phase").click();
    await pass();
    expect(requests("frame").at(-1)).toMatchObject({ component: 1, index: [3, 7] });
    st("component-imaginary").click();
    await pass();
    expect(Object.keys(model.traits.levels as object).sort()).toEqual(["71.0", "71.3"]);
    const [waves = null] = complexTree();
    const classes = [0, 1, 2, 3].map((part) => pictureClass(waves, part));
    expect(classes).toEqual(["signal", "cyclic", "diverging", "diverging"]);
  });
});

describe("a stack of images at each position", () => {
  test("has a slider along its axis", async () => {
    const { st, model, requests } = await show({ node: 81, position: [3, 7] }, { nodes: stackTree() });
    expect(st("stack-axis").hidden).toBe(false);
    expect(st("stack-axis").textContent).toContain("10 nm");
    type(st("axis-depth-slider"), "4", "input");
    await pass();
    expect(model.traits.component).toBe(4);
    expect(requests("frame").at(-1)).toMatchObject({ component: 4, index: [3, 7] });
    expect(st("stack-axis").textContent).toContain("30 nm");
    type(st("axis-depth-value"), "99");
    await pass();
    expect(model.traits.component).toBe(8);
    // All images have the levels of the first, as all positions have.
    expect(Object.keys(model.traits.levels as object)).toEqual(["81"]);
  });
});

describe("complex numbers in a stack of images", () => {
  test("have a tab for each part and a slider, which names the image, and neither moves the other", async () => {
    const nodes = complexStackTree();
    const { st, model, requests } = await show({ node: 71, position: [3, 7] }, { nodes });
    expect(st("stack-axis").textContent).toContain("before");
    type(st("axis-focus-slider"), "2", "input");
    await pass();
    expect(requests("frame").at(-1)).toMatchObject({ component: 2 });
    expect(st("stack-axis").textContent).toContain("behind");
    st("component-imaginary").click();
    await pass();
    expect(requests("frame").at(-1)).toMatchObject({ component: 11 });
    expect(st("component-imaginary").getAttribute("aria-selected")).toBe("true");
    type(st("axis-focus-slider"), "0", "input");
    await pass();
    expect(requests("frame").at(-1)).toMatchObject({ component: 9 });
    expect(st("component-imaginary").getAttribute("aria-selected")).toBe("true");
    // All images of a part have its levels.
    expect(Object.keys(model.traits.levels as object).sort()).toEqual(["71.0", "71.3"]);
    const [waves = null] = nodes;
    expect([2, 3, 11].map((picture) => pictureClass(waves, picture))).toEqual([
      "signal",
      "cyclic",
      "diverging",
    ]);
  });
});
