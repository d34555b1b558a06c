import { describe, expect, it } from "vitest";
import { strainTree } from "./fixtures";
import { eachOnAFreshPage, pass, point, press, show } from "./mounted";

eachOnAFreshPage();

const POPOVERS = [
  ["add-operation", "operations"],
  ["save", "save-dialog"],
  ["export", "export-dialog"],
  ["memory", "memory-dialog"],
  ["help", "help-dialog"],
] as const;
const isOpen = (name: string): boolean => document.querySelector(`[data-st=${name}]`) !== null;

describe.each(POPOVERS)("the popover of %s", (button, name) => {
  it("gets the focus, and gives it back with Escape", async () => {
    const { st } = await show({ node: 2 });
    st(button).click();
    expect(st(name).contains(document.activeElement)).toBe(true);
    expect(st(button).getAttribute("aria-expanded")).toBe("true");
    const event = press(document.activeElement as Element, "Escape");
    expect(event.defaultPrevented).toBe(true);
    expect(isOpen(name)).toBe(false);
    expect(document.activeElement).toBe(st(button));
    expect(st(button).getAttribute("aria-expanded")).toBe("false");
  });

  it("closes by Escape when nothing has the focus, by a press anywhere else, by the focus leaving", async () => {
    const { st } = await show({ node: 2 });
    st(button).click();
    (document.activeElement as HTMLElement).blur();
    press(document.body, "Escape");
    expect(isOpen(name)).toBe(false);

    st(button).click();
    point(st(name));
    expect(isOpen(name)).toBe(true);
    point(document.body);
    expect(isOpen(name)).toBe(false);

    st(button).click();
    const elsewhere = document.createElement("input");
    document.body.append(elsewhere);
    elsewhere.focus();
    expect(isOpen(name)).toBe(false);
    expect(document.activeElement).toBe(elsewhere);

    st(button).click();
    st(button).click();
    expect(isOpen(name)).toBe(false);
  });

  it("survives every message of the kernel", async () => {
    const { st, kernel, model } = await show({ node: 2 });
    st(button).click();
    const focused = document.activeElement;
    kernel.changed();
    kernel.memory();
    model.deliver({ type: "notice", level: "info", message: "saved", hint: "", node: null });
    model.deliver({ type: "navigator_changed", source: 1, complete: 1 });
    model.deliver({ type: "refined", node: 2, view: null, complete: 1 });
    await pass(1000);
    expect(isOpen(name)).toBe(true);
    expect(document.activeElement).toBe(focused);
  });
});

describe("the menu of operations", () => {
  it("has the focus and closes by Escape when every entry is grey", async () => {
    const nodes = strainTree().map((node) => ({
      ...node,
      menu: node.menu.map(({ operation }) => ({ operation, reason: "needs frames" })),
    }));
    const { st, requests } = await show({ node: 4 }, { nodes });
    st("add-operation").click();
    expect(document.activeElement).toBe(st("operation-radial_median"));
    press(document.activeElement as Element, "ArrowDown");
    expect(document.activeElement).toBe(st("operation-difference_of_gaussians"));
    (document.activeElement as HTMLElement).click();
    expect(requests("add_operation")).toEqual([]);
    press(document.activeElement as Element, "Escape");
    expect(isOpen("operations")).toBe(false);
    expect(document.activeElement).toBe(st("add-operation"));
  });

  it("begins with what can be chosen", async () => {
    const nodes = strainTree().map((node) => ({
      ...node,
      menu: node.menu.map(({ operation }, i) => ({ operation, reason: i < 2 ? "needs frames" : null })),
    }));
    const { st } = await show({ node: 2 }, { nodes });
    st("add-operation").click();
    expect(document.activeElement).toBe(st("operation-normalized_correlation"));
  });
});

describe("the keys", () => {
  it("are listed behind the question mark, but not while somebody types one", async () => {
    const { st } = await show({ node: 2 });
    press(st("signal-canvas"), "?");
    expect(st("help-dialog").textContent).toContain("Page Up");
    press(st("help-dialog"), "?");
    expect(isOpen("help-dialog")).toBe(false);
    st("save").click();
    press(st("save-path"), "?");
    expect(isOpen("help-dialog")).toBe(false);
  });
});
