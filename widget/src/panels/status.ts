/** What is being done, what went wrong and what to do about it. */

import { withCode } from "../clipboard";
import { calmly, h, icon, listen, setHidden, setText } from "../dom";
import { numberText } from "../geometry/axes";
import { bytesText } from "../geometry/bytes";
import type { FrameCost } from "../protocol/generated";
import type { Connection, Reattach, Session } from "../state/session";
import { nodeById } from "../state/tree";
import { caveatsBadge } from "./caveats";
import { codeButton } from "./code";
import { helpButton } from "./help";
import { memoryGauge } from "./memory";
import { progressControls } from "./progress";
import type { Panel } from "./registry";
import { saveButton } from "./save";

/** The time a picture took is written this often. */
const LATENCY_MS = 250;

const CONNECTION: Record<Exclude<Connection, "asleep">, { message: string; hint: string } | null> = {
  connecting: null,
  live: null,
  gone: {
    message: "Kernel gone, last frame",
    hint: "If it was restarted: run restore()? in a cell to bring everything back, or run this cell again.",
  },
  mismatch: {
    message: "This output was made by another version of the kernel",
    hint: "Run the cell again to make it live.",
  },
};

const DETACHED: Record<Reattach, { message: string; hint: string }> = {
  restore: {
    message: "This picture is from before the kernel was restarted",
    hint: "Run restore()? in a cell to bring everything back, or run this cell again.",
  },
  run: { message: "This picture is from an earlier kernel", hint: "Run this cell to make it live." },
};

/** What is to be said about the connection, if anything. */
function connectionNotice({ store, reattach }: Session): { message: string; hint: string } | null {
  const { connection } = store.value;
  return connection === "asleep" ? DETACHED[reattach ?? "run"] : CONNECTION[connection];
}

export const status: Panel = {
  name: "status",
  place: "foot",
  mount(element, context) {
    const { session, view, signal } = context;
    const message = h("span", { class: "st-message", role: "status", "data-st": "status-message" });
    const hint = h("span", { class: "st-hint" });
    const dismiss = h(
      "button",
      { class: "st-icon-button", "aria-label": "Dismiss", title: "Dismiss" },
      icon("M4.5 4.5l7 7M11.5 4.5l-7 7"),
    );
    const latency = h("span", {
      class: "st-latency",
      title: "From the request to the drawn picture",
      "data-st": "status-latency",
    });
    /** Files whose cost was read and put away. */
    const dismissed = new Set<number>();
    element.setAttribute("data-st", "status");
    element.append(
      message,
      hint,
      dismiss,
      caveatsBadge(element, context),
      h("span", { class: "st-space" }),
      ...progressControls(context),
      saveButton(element, context),
      codeButton(element, context),
      memoryGauge(element, context),
      helpButton(element, context),
      latency,
    );

    const fill = (): void => {
      const { notice, connection } = session.state;
      const cut = connectionNotice(session);
      const advice = adviceOf(session);
      const said = cut ?? notice ?? (advice && !dismissed.has(advice.node) ? advice : null);
      element.dataset.level = cut ? "warning" : (notice?.level ?? "");
      const waiting = connection === "connecting" ? "Connecting to the kernel…" : "";
      setCode(message, said?.message ?? waiting, signal);
      setCode(hint, said?.hint ?? "", signal);
      setHidden(dismiss, said === null || cut !== null);
    };
    const fillLatency = (): void => {
      const { latencyMs, late } = view.value;
      setText(
        latency,
        late ? "waiting…" : latencyMs === null ? "" : `${numberText(Math.max(1, Math.round(latencyMs)))} ms`,
      );
    };
    listen(
      dismiss,
      "click",
      () => {
        const advice = adviceOf(session);
        if (session.state.notice === null && advice) {
          dismissed.add(advice.node);
        }
        session.store.set({ notice: null });
        fill();
      },
      signal,
    );
    session.store.on(["notice", "connection", "node", "nodes"], fill, signal);
    view.on(["latencyMs"], calmly(fillLatency, LATENCY_MS, signal), signal);
    view.on(["late"], fillLatency, signal);
    fill();
    fillLatency();
  },
};

/** What the file of the shown node costs, if dragging through it is slow. */
function adviceOf({ store, node }: Session): { node: number; message: string; hint: string } | null {
  const source = nodeById(store.value.nodes, node?.source ?? null);
  const cost = source?.frame_cost;
  return source && cost?.slow ? { node: source.id, message: costText(cost), hint: cost.advice } : null;
}

/** `One frame costs 95 MiB, 31 ms to decode`. */
function costText({ chunk_bytes, seconds_per_frame, frames_per_chunk }: FrameCost): string {
  const time = numberText(Number((seconds_per_frame * 1000).toPrecision(2)));
  return `One frame costs ${bytesText(chunk_bytes)} and ${time} ms to decode: ${frames_per_chunk} frames lie in one chunk`;
}

/** The text, with the parts between backquotes as code that can be copied. */
function setCode(element: HTMLElement, text: string, signal: AbortSignal): void {
  if (!text.includes("`")) {
    setText(element, text);
  } else if (element.dataset.text !== text) {
    element.replaceChildren(...withCode(text, signal));
  }
  element.dataset.text = text;
}
