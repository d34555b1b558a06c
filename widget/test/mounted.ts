/** A viewer on the page with a kernel in it, for tests of what a person sees and does. */

import { afterEach, beforeEach, vi } from "vitest";
import signaltree from "../src/index";
import { PROTOCOL_VERSION } from "../src/protocol/generated";
import { FakeKernel, type FakeKernelOptions } from "./fake_kernel";
import { FakeModel } from "./fake_model";

export interface Viewer {
  model: FakeModel;
  kernel: FakeKernel;
  element: HTMLElement;
  /** Ends the view that is in `element`. */
  end: AbortController;
  /** Ends the model. */
  close: AbortController;
  st(name: string): HTMLElement;
  /** Shows the model in another element, as a notebook does; it is put into the page by the caller. */
  render(into: HTMLElement): AbortController;
  requests(type: string): Record<string, unknown>[];
}

const ended: AbortController[] = [];

/** For each test of a file: no real time passes, and nothing stays on the page. */
export function eachOnAFreshPage(): void {
  beforeEach(() => {
    vi.useFakeTimers({
      toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame", "cancelAnimationFrame", "performance"],
    });
  });
  afterEach(() => {
    for (const end of ended.splice(0)) {
      end.abort();
    }
    document.body.replaceChildren();
    vi.useRealTimers();
  });
}

interface Hook {
  frame: {
    node: number;
    index: number[];
    component: number;
    checksum: number;
    peaks: number | null;
    complete: number;
  } | null;
  state: () => { position: number[]; node: number };
}

/** What the viewer tells tests. */
export const hook = (): Hook => (globalThis as unknown as { __signaltree_test: Hook }).__signaltree_test;

/** Ends a view of a test's own with the test. */
export function endAfterwards(view: AbortController): void {
  ended.push(view);
}

export const pass = (ms = 400): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

export async function show(
  traits: Record<string, unknown> = {},
  options: FakeKernelOptions & { silent?: boolean } = {},
): Promise<Viewer> {
  const model = new FakeModel({
    protocol: PROTOCOL_VERSION,
    node: 1,
    position: [3, 7],
    model: "m1",
    ...traits,
  });
  const kernel = new FakeKernel(model, { mapStep: 1, ...options });
  kernel.silent = options.silent ?? false;
  const close = new AbortController();
  ended.push(close);
  const widget = signaltree();
  widget.initialize({ model, signal: close.signal });
  const render = (into: HTMLElement): AbortController => {
    const end = new AbortController();
    ended.push(end);
    widget.render({ model, el: into, signal: end.signal });
    return end;
  };
  const output = document.createElement("div");
  const element = document.createElement("div");
  output.append(element);
  document.body.append(output);
  const end = render(element);
  await pass();
  return {
    model,
    kernel,
    element,
    end,
    close,
    render,
    st: (name) => {
      const found = document.querySelector<HTMLElement>(`[data-st="${name}"]`);
      if (!found) {
        throw new Error(`no element ${name}`);
      }
      return found;
    },
    requests: (type) => (model.sent as Record<string, unknown>[]).filter((request) => request.type === type),
  };
}

export function press(element: Element, key: string, held: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...held });
  element.dispatchEvent(event);
  return event;
}

/** Types into a field and leaves it. */
export function type(element: HTMLElement, text: string, as = "change"): void {
  (element as HTMLInputElement).value = text;
  element.dispatchEvent(new Event(as, { bubbles: true }));
}

export const point = (target: EventTarget): boolean =>
  target.dispatchEvent(new MouseEvent("pointerdown", { bubbles: true }));
