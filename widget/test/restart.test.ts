import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import signaltree from "../src/index";
import { PROTOCOL_VERSION } from "../src/protocol/generated";
import { FakeKernel } from "./fake_kernel";
import { FakeModel } from "./fake_model";

const ended: AbortController[] = [];

/** A model of the page with its kernel; `render` shows it in a place of its own. */
function open(traits: Record<string, unknown>): {
  model: FakeModel;
  kernel: FakeKernel;
  close: AbortController;
  render(): { element: HTMLElement; text(name: string): string; close: AbortController };
} {
  const model = new FakeModel({
    protocol: PROTOCOL_VERSION,
    node: 1,
    position: [3, 7],
    model: "m1",
    asleep: null,
    ...traits,
  });
  const kernel = new FakeKernel(model, { mapStep: 1 });
  const close = new AbortController();
  ended.push(close);
  const widget = signaltree();
  widget.initialize({ model, signal: close.signal });
  return {
    model,
    kernel,
    close,
    render() {
      const element = document.createElement("div");
      document.body.append(element);
      const end = new AbortController();
      ended.push(end);
      widget.render({ model, el: element, signal: end.signal });
      const text = (name: string): string =>
        element.querySelector(`[data-st="${name}"]`)?.textContent ?? "nothing";
      return { element, text, close: end };
    },
  };
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const greetings = (model: FakeModel): number =>
  model.sent.filter((request) => (request as { type: string }).type === "hello").length;
const poster = (): DataView => new DataView(Uint8Array.of(137, 80, 78, 71).buffer);

/** The page has cut the connection, as notebooks do when a kernel is restarted. */
function cut(model: FakeModel): void {
  model.send = () => {
    throw new Error("Cannot send");
  };
}

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame", "cancelAnimationFrame", "performance"],
  });
});

afterEach(() => {
  for (const abort of ended.splice(0)) {
    abort.abort();
  }
  document.body.replaceChildren();
  vi.useRealTimers();
});

describe("a model of an earlier kernel", () => {
  it("shows its picture and what to do, and asks nothing", async () => {
    const { model, render } = open({ asleep: "restore", poster: poster(), poster_text: "strain" });
    const { element, text } = render();
    await pass(60_000);
    expect(element.querySelector("[data-st=poster]")).toBeTruthy();
    expect(element.querySelector(".st-static")).toBeTruthy();
    expect(text("status-message")).toContain("before the kernel was restarted");
    expect(text("status")).toContain("restore()?");
    expect(model.sent).toEqual([]);
  });

  it("names only its own cell when nothing can be restored, and its text when it has no picture", async () => {
    const { render } = open({ asleep: "run", poster_text: "strain: (40, 56) map" });
    const { text } = render();
    await pass(100);
    expect(text("status")).toContain("Run this cell");
    expect(text("status")).not.toContain("restore()?");
    expect(text("signal-title")).toBe("strain: (40, 56) map");
  });

  it("goes live when the kernel says so", async () => {
    const { model, render } = open({ asleep: "restore" });
    const { text } = render();
    await pass(100);
    model.set("asleep", null);
    await pass(400);
    expect(greetings(model)).toBe(1);
    expect(text("status-message")).toBe("");
  });
});

describe("a kernel that was restarted", () => {
  it("is noticed at the next movement, not after a timeout", async () => {
    const { model, render } = open({});
    const { element, text } = render();
    await pass(400);
    cut(model);
    const canvas = element.querySelector("[data-st=navigator-canvas]");
    canvas?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    await pass(50);
    expect(text("status-message")).toBe("Kernel gone, last frame");
    expect(text("status")).toContain("restore()?");
  });

  it("keeps the last picture when it tells the page that its models are asleep", async () => {
    const { model, render } = open({});
    const { element, text } = render();
    await pass(400);
    cut(model);
    model.set("asleep", "restore");
    await pass(60_000);
    expect(text("status-message")).toContain("before the kernel was restarted");
    expect(element.querySelector(".st-static")).toBeNull();
  });

  it("takes all places of the old model with a new one of the same id", async () => {
    const old = open({ poster: poster() });
    const places = [old.render(), old.render()];
    await pass(400);
    cut(old.model);
    old.model.set("asleep", "restore");
    const other = open({ model: "m2" });
    const elsewhere = other.render();
    await pass(400);

    const next = open({});
    await pass(400);
    expect(greetings(next.model)).toBe(1);
    for (const { element, text } of places) {
      expect(element.querySelectorAll("[data-st=viewer]")).toHaveLength(1);
      expect(text("status-message")).toBe("");
    }
    expect(elsewhere.element.querySelectorAll("[data-st=viewer]")).toHaveLength(1);
    // A place that the notebook removes takes the new view with it.
    places[0]?.close.abort();
    expect(places[0]?.element.childElementCount).toBe(0);
    // Frames come from the new model.
    const canvas = places[1]?.element.querySelector("[data-st=navigator-canvas]");
    canvas?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    await pass(400);
    expect(next.model.get("position")).toEqual([3, 8]);
    // The new model closes, and with it what it showed in places that are not its own.
    next.close.abort();
    expect(places[1]?.element.querySelector("[data-st=viewer]")).toBeNull();
  });
});
