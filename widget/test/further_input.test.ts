import { describe, expect, it } from "vitest";
import { eachOnAFreshPage, pass, press, show } from "./mounted";

eachOnAFreshPage();

const text = (element: Element): string => element.textContent ?? "";
const row = (name: string): string => text(document.querySelector(`[data-st=tree-node-${name}]`) as Element);
const options = (select: HTMLElement): string[] => [...select.querySelectorAll("option")].map(text);

async function choose(select: HTMLElement, value: string): Promise<void> {
  (select as HTMLSelectElement).value = value;
  select.dispatchEvent(new Event("change"));
  await pass(0);
}

describe("the menu of an operation that takes another signal", () => {
  it("offers it as an entry of its own, with the signals that the kernel names", async () => {
    const { st, kernel, requests } = await show({ node: 2 });
    kernel.possible = [1, 3];
    st("add-operation").click();
    const entry = st("operation-normalized_correlation-vacuum");
    expect(text(entry)).toBe("… with vacuumA scan without specimen.");
    expect(entry.title).toContain("find_peaks_with(&vacuum, NormalizedCorrelation::default())?");
    entry.click();
    await pass(0);
    expect(requests("inputs").at(-1)).toMatchObject({ node: 2, operation: "normalized_correlation" });
    expect(text(st("operations"))).toContain("A scan without specimen.");
    expect(document.activeElement).toBe(st("input-scan"));
    press(document.activeElement as Element, "ArrowDown");
    expect(document.activeElement).toBe(st("input-peaks"));
    st("input-scan").click();
    await pass(0);
    expect(requests("add_operation")).toMatchObject([{ parents: [2, 1] }]);
    expect(row("find_peaks_20")).toContain("with scan");
  });

  it("adds it without at a click, as ever", async () => {
    const { st, requests } = await show({ node: 2 });
    st("add-operation").click();
    st("operation-normalized_correlation").click();
    await pass(0);
    expect(requests("add_operation")).toMatchObject([{ parents: [2] }]);
  });

  it("asks for the one that it cannot do without", async () => {
    const { st, kernel, requests } = await show({ node: 2 });
    kernel.possible = [1];
    st("add-operation").click();
    expect(st("operation-subtract").title).toContain(".subtract(&other)?");
    expect(document.querySelector("[data-st=operation-subtract-other]")).toBeNull();
    st("operation-subtract").click();
    await pass(0);
    expect(requests("add_operation")).toEqual([]);
    st("input-scan").click();
    await pass(0);
    expect(requests("add_operation")).toMatchObject([{ parents: [2, 1], operation: "subtract" }]);
  });

  it("says that no other signal fits", async () => {
    const { st, requests } = await show({ node: 2 });
    st("add-operation").click();
    st("operation-subtract").click();
    await pass(0);
    st("input-none").click();
    expect(text(st("input-none"))).toContain("No other signal fits");
    expect(requests("add_operation")).toEqual([]);
  });
});

describe("the further input of a node", () => {
  it("is changed and removed beside its parameters", async () => {
    const { st, kernel, requests } = await show({ node: 3 });
    expect(options(st("further-input"))).toEqual(["none: no other open signal fits"]);
    kernel.possible = [1, 4];
    const asked = requests("inputs").length;
    kernel.nodes.forEach((node) => {
      node.revision += 1;
    });
    kernel.changed();
    await pass(0);
    expect(requests("inputs")).toHaveLength(asked);
    kernel.nodes.forEach((node) => {
      node.summary = node.summary.replace("40, 56", "20, 28");
    });
    kernel.changed();
    await pass(0);
    expect(options(st("further-input")).map((option) => option.split(" ")[0])).toEqual([
      "none",
      "scan",
      "strain",
    ]);
    await choose(st("further-input"), "1");
    expect(requests("set_inputs")).toMatchObject([{ node: 3, further: [1] }]);
    expect((st("further-input") as HTMLSelectElement).value).toBe("1");
    expect(row("peaks")).toContain("with scan");
    await choose(st("further-input"), "");
    expect(requests("set_inputs").at(-1)).toMatchObject({ further: [] });
    expect(row("peaks")).not.toContain("with scan");
  });

  it("is not there where an operation takes none, and cannot be removed where it takes one", async () => {
    const { st, kernel } = await show({ node: 2 });
    expect(st("further-input").closest("label")?.hidden).toBe(true);
    kernel.possible = [1];
    st("add-operation").click();
    st("operation-subtract").click();
    await pass(0);
    st("input-scan").click();
    await pass(0);
    expect(st("further-input").closest("label")?.hidden).toBe(false);
    expect(options(st("further-input"))).toHaveLength(1);
    expect(row("subtract_20")).toMatch(/Subtract.*scan/);
  });
});
