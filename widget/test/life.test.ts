import { describe, expect, it, vi } from "vitest";
import signaltree from "../src/index";
import { PROTOCOL_VERSION } from "../src/protocol/generated";
import { FakeKernel } from "./fake_kernel";
import { FakeModel } from "./fake_model";
import { spectrumTree } from "./fixtures";
import { eachOnAFreshPage, endAfterwards, hook, pass, press, show } from "./mounted";

eachOnAFreshPage();

describe("life of a view", () => {
  it("leaves nothing behind when aborted", async () => {
    const { model, close, element, end } = await show();
    close.abort();
    end.abort();
    expect(model.listenerCount).toBe(0);
    expect(element.childElementCount).toBe(0);
    const sent = model.sent.length;
    model.emit("change:position");
    model.deliver({ type: "navigator_changed", source: 1, complete: 1 });
    await pass(60_000);
    expect(model.sent).toHaveLength(sent);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("shares one session between two views, each with its own pictures", async () => {
    const model = new FakeModel({ protocol: PROTOCOL_VERSION, node: 1, position: [3, 7] });
    new FakeKernel(model, { delayMs: 5 });
    const abort = new AbortController();
    endAfterwards(abort);
    const [first, second] = [document.createElement("div"), document.createElement("div")];
    document.body.append(first, second);
    const widget = signaltree();
    widget.initialize({ model, signal: abort.signal });
    const one = new AbortController();
    widget.render({ model, el: first, signal: one.signal });
    widget.render({ model, el: second, signal: abort.signal });
    await pass();
    const sent = model.sent as Record<string, unknown>[];
    expect(sent.filter(({ type }) => type === "hello")).toHaveLength(1);
    expect(new Set(sent.filter(({ type }) => type === "frame").map(({ view }) => view)).size).toBe(2);
    first.querySelector<HTMLElement>("[data-st=tree-node-flat]")?.click();
    expect(second.querySelector("[data-st=tree-node-flat]")?.getAttribute("aria-selected")).toBe("true");
    one.abort();
    expect(first.childElementCount).toBe(0);
    second.querySelector<HTMLElement>("[data-st=tree-node-scan]")?.click();
    await pass();
    expect(hook().frame?.node).toBe(1);
  });

  it("gives the keyboard to the view that takes the place of one", async () => {
    const model = new FakeModel({ protocol: PROTOCOL_VERSION, node: 1, position: [3, 7] });
    new FakeKernel(model);
    const abort = new AbortController();
    endAfterwards(abort);
    const widget = signaltree();
    widget.initialize({ model, signal: abort.signal });
    const places = [0, 1, 2].map(() => document.body.appendChild(document.createElement("div")));
    const show = (at: number): AbortController => {
      const end = new AbortController();
      endAfterwards(end);
      widget.render({ model, el: places[at] as HTMLElement, signal: end.signal });
      return end;
    };
    const canvas = (at: number): HTMLElement | null | undefined =>
      places[at]?.querySelector<HTMLElement>("[data-st=navigator-canvas]");
    const first = show(0);
    await pass();
    canvas(0)?.focus();
    first.abort();
    const second = show(1);
    await pass(50);
    expect(document.activeElement).toBe(canvas(1));
    canvas(1)?.blur();
    await pass(1);
    second.abort();
    show(2);
    await pass(50);
    expect(document.activeElement).toBe(document.body);
  });

  it("is whole when it is mounted after the kernel has answered", async () => {
    const { model, close } = await show({ node: 4 });
    const late = document.createElement("div");
    document.body.append(late);
    const widget = signaltree();
    widget.initialize({ model, signal: close.signal });
    await pass(50);
    widget.render({ model, el: late, signal: close.signal });
    await pass();
    expect(late.querySelector("[data-st=signal-title]")?.textContent).toBe("strain · Strain map");
    expect(late.querySelectorAll("[role=tab]")).toHaveLength(6);
    expect(late.querySelectorAll("[role=treeitem]")).toHaveLength(4);
    expect(late.querySelector("[data-st=parameter-reference]")).not.toBeNull();
    expect(late.querySelector("[data-st=navigator-readout]")?.textContent).toContain("x 7");
  });

  it("gives the keys back to the cell on Escape and on a press outside", async () => {
    const { st, element } = await show();
    const [cell, other] = [element, document.createElement("div")];
    for (const place of [cell, other]) {
      place.tabIndex = -1;
    }
    const prompt = document.createElement("span");
    other.append(prompt);
    document.body.append(other);
    st("navigator-canvas").focus();
    press(st("navigator-canvas"), "Escape");
    expect(document.activeElement).toBe(cell);
    st("navigator-canvas").focus();
    prompt.dispatchEvent(new MouseEvent("pointerdown", { bubbles: true }));
    expect(document.activeElement).toBe(other);
  });

  it("takes over traits that the kernel or another page changed", async () => {
    const { model } = await show();
    model.set("position", [5, 6]);
    await pass();
    expect(hook().frame?.index).toEqual([5, 6]);
  });

  it("loses nothing that is not saved yet when another trait changes", async () => {
    const { st, model } = await show();
    press(st("navigator-canvas"), "ArrowRight");
    model.set("levels", { "1": { low: 1, high: 2, automatic: false } });
    await pass();
    expect(model.traits.position).toEqual([3, 8]);
    expect(hook().frame?.index).toEqual([3, 8]);
    expect((st("levels-high-value") as HTMLInputElement).value).toBe("2");
  });

  it("saves the view state once for many moves", async () => {
    const { st, model } = await show();
    const before = model.saves;
    for (let i = 0; i < 8; i++) {
      press(st("navigator-canvas"), "ArrowRight");
      await pass(20);
    }
    await pass(600);
    expect(model.saves - before).toBe(1);
    expect(model.traits.position).toEqual([3, 15]);
  });

  it("shows a spectrum as a line, without levels", async () => {
    const { st, element } = await show({ node: 11 }, { nodes: spectrumTree() });
    expect(hook().frame).toMatchObject({ node: 11 });
    expect(st("signal-title").textContent).toBe("spectra · EELS");
    expect(element.querySelector<HTMLElement>(".st-panel-levels")?.hidden).toBe(true);
  });
});
