/** How much memory the kernel uses of what it may, and the change of that limit. */

import { h, listen, setAttributes, setText } from "../dom";
import { bytesText, parseBytes } from "../geometry/bytes";
import { RequestError } from "../protocol/client";
import { type Fill, opensPopover, type Popover } from "./popover";
import type { PanelContext } from "./registry";

/** Closer to the limit than this the gauge says so by its colour and in words. */
const NEARLY_FULL = 0.95;

/** The gauge: a button that opens the change of the limit. `host` holds the dialog. */
export function memoryGauge(host: HTMLElement, context: PanelContext): HTMLElement {
  const { session, signal } = context;
  const bar = h("span", { class: "st-memory-bar", "aria-hidden": "true" });
  const text = h("span", { "data-st": "memory-text" });
  const button = h(
    "button",
    {
      class: "st-button st-quiet st-memory",
      "aria-haspopup": "dialog",
      "aria-expanded": "false",
      "data-st": "memory",
    },
    bar,
    text,
  );
  const fill: Fill = (open, closed) => budgetForm(open, context, closed);
  const popover = opensPopover(host, button, "Memory", "memory-dialog", fill, signal);
  const show = (): void => {
    const { memory, connection } = session.state;
    button.hidden = memory === null || connection !== "live";
    if (!memory) {
      return;
    }
    const share = (bytes: number): string =>
      String(memory.budget_bytes > 0 ? Math.min(1, bytes / memory.budget_bytes) : 0);
    bar.style.setProperty("--st-share", share(memory.used_bytes));
    bar.style.setProperty("--st-pinned", share(memory.pinned_bytes));
    bar.classList.toggle("st-full", memory.used_bytes >= memory.budget_bytes * NEARLY_FULL);
    setText(text, `${bytesText(memory.used_bytes)} of ${bytesText(memory.budget_bytes)}`);
    setAttributes(button, { title: memoryTitle(memory) });
  };
  listen(button, "click", popover.toggle, signal);
  session.store.on(["memory", "connection"], show, signal);
  show();
  return button;
}

interface Memory {
  used_bytes: number;
  pinned_bytes: number;
  budget_bytes: number;
}

function memoryTitle({ used_bytes, pinned_bytes, budget_bytes }: Memory): string {
  const held = pinned_bytes > 0 ? `, ${bytesText(pinned_bytes)} of it in use right now` : "";
  return `Memory: ${bytesText(used_bytes)} kept${held}, at most ${bytesText(budget_bytes)}. Click to change the limit.`;
}

function budgetForm(popover: Popover, { session }: PanelContext, signal: AbortSignal): Node[] {
  const usage = h("p", { class: "st-about" });
  const field = h("input", {
    type: "text",
    class: "st-field st-grow",
    "aria-label": "Largest amount of memory",
    "data-st": "memory-budget",
    autocomplete: "off",
    spellcheck: "false",
  });
  field.value = bytesText(session.state.memory?.budget_bytes ?? 0);
  const set = h("button", { type: "submit", class: "st-button", "data-st": "memory-set" }, "Set");
  const problem = h("p", { class: "st-problem", role: "alert", "data-st": "memory-problem" });
  const form = h("form", { class: "st-popover-row" }, field, set);
  const describe = (): void => {
    const { memory } = session.state;
    setText(
      usage,
      memory
        ? `${bytesText(memory.used_bytes)} kept, ${bytesText(memory.pinned_bytes)} in use right now. What is kept longest without being looked at goes first.`
        : "",
    );
  };
  listen(
    form,
    "submit",
    async (event) => {
      event.preventDefault();
      const bytes = parseBytes(field.value);
      if (bytes === null) {
        setText(problem, "Not an amount of memory: write it like 4 GiB or 800 MiB.");
        field.focus();
        return;
      }
      setText(problem, "");
      set.disabled = true;
      try {
        await session.client.ask({ type: "set_budget", bytes });
        popover.close();
      } catch (error) {
        const wire = error instanceof RequestError ? error.wire : null;
        setText(problem, [wire?.message, wire?.hint].filter(Boolean).join(" "));
      } finally {
        set.disabled = false;
      }
    },
    signal,
  );
  session.store.on(["memory"], describe, signal);
  describe();
  // The whole amount is replaced by what is typed.
  queueMicrotask(() => field.select());
  return [h("div", { class: "st-title" }, "Memory"), usage, form, problem];
}
