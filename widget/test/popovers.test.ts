import { describe, expect, it } from "vitest";
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
  const about = (name: string): string =>
    document.querySelector(`[data-st=operation-${name}] .st-menu-summary`)?.textContent ?? "";
  const isGrey = (entry: HTMLElement): boolean => entry.getAttribute("aria-disabled") === "true";

  it("has the focus and closes by Escape when every entry is grey", async () => {
    const { st, kernel, requests } = await show({ node: 4 });
    kernel.whyNot = () => "needs frames";
    st("add-operation").click();
    await pass(0);
    expect(document.activeElement).toBe(st("operation-radial_median"));
    expect(about("radial_median")).toBe("needs frames");
    press(document.activeElement as Element, "ArrowDown");
    expect(document.activeElement).toBe(st("operation-difference_of_gaussians"));
    (document.activeElement as HTMLElement).click();
    expect(requests("add_operation")).toEqual([]);
    press(document.activeElement as Element, "Escape");
    expect(isOpen("operations")).toBe(false);
    expect(document.activeElement).toBe(st("add-operation"));
  });

  it("opens at once, and begins with what can be chosen when the kernel has said what fits", async () => {
    const { st, kernel, requests } = await show({ node: 2 });
    kernel.whyNot = (_name, _node, at) => (at < 2 ? "needs frames" : null);
    st("add-operation").click();
    expect(document.activeElement).toBe(st("operation-radial_median"));
    expect(isGrey(st("operation-radial_median"))).toBe(false);
    expect(requests("menu")).toMatchObject([{ node: 2 }]);
    await pass(0);
    expect(isGrey(st("operation-radial_median"))).toBe(true);
    expect(document.activeElement).toBe(st("operation-normalized_correlation"));
  });

  it("leaves the focus where somebody has moved it", async () => {
    const { st, kernel } = await show({ node: 2 });
    kernel.whyNot = (_name, _node, at) => (at < 2 ? "needs frames" : null);
    st("add-operation").click();
    press(document.activeElement as Element, "ArrowDown");
    await pass(0);
    expect(document.activeElement).toBe(st("operation-difference_of_gaussians"));
    expect(about("difference_of_gaussians")).toBe("needs frames");
  });

  it("opens with what it knew, and asks again", async () => {
    const { st, kernel, requests } = await show({ node: 2 });
    kernel.whyNot = (_name, _node, at) => (at < 2 ? "needs frames" : null);
    st("add-operation").click();
    await pass(0);
    st("add-operation").click();
    kernel.whyNot = () => null;
    st("add-operation").click();
    expect(document.activeElement).toBe(st("operation-normalized_correlation"));
    await pass(0);
    expect(requests("menu")).toHaveLength(2);
    expect(isGrey(st("operation-radial_median"))).toBe(false);
    expect(document.activeElement).toBe(st("operation-radial_median"));
  });

  it("says that the kernel refuses to say, and can be used all the same", async () => {
    const { st, kernel, requests } = await show({ node: 2 });
    kernel.refuseMenu = { code: "gone", message: "there is no node 2", hint: "reload", node: 2, index: null };
    st("add-operation").click();
    await pass(0);
    expect(document.body.textContent).toContain("there is no node 2");
    st("operation-virtual_disk").click();
    expect(requests("add_operation")).toHaveLength(1);
  });

  it("tells below the list what the entry under the pointer is about", async () => {
    const { st } = await show({ node: 2 });
    st("add-operation").click();
    await pass(0);
    const title = st("operation-virtual_disk").firstElementChild as Element;
    title.dispatchEvent(new MouseEvent("pointermove", { bubbles: true }));
    expect(document.activeElement).toBe(st("operation-virtual_disk"));
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
