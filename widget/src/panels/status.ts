/** What is being done, what went wrong and what to do about it. */

import { h, icon, setText } from "../dom";
import { numberText } from "../geometry/axes";
import type { NodeDescription } from "../protocol/generated";
import type { Connection, Session, Waking } from "../state/session";
import type { Panel, PanelContext } from "./registry";

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

const ASLEEP: Record<Waking, { message: string; hint: string }> = {
  restore: {
    message: "This picture is from before the kernel was restarted",
    hint: "Run restore()? in a cell to bring everything back, or run this cell again.",
  },
  run: { message: "This picture is from an earlier kernel", hint: "Run this cell to make it live." },
};

/** What is to be said about the connection, if anything. */
function connectionNotice({ store, waking }: Session): { message: string; hint: string } | null {
  const { connection } = store.value;
  return connection === "asleep" ? ASLEEP[waking ?? "run"] : CONNECTION[connection];
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
      { type: "button", class: "st-icon-button", "aria-label": "Dismiss", title: "Dismiss" },
      icon("M4.5 4.5l7 7M11.5 4.5l-7 7"),
    );
    const bar = h("div", {
      class: "st-bar",
      role: "progressbar",
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      "data-st": "status-progress",
    });
    const label = h("span", { class: "st-progress-label" });
    const cancel = h(
      "button",
      { type: "button", class: "st-button st-quiet", "data-st": "status-cancel" },
      "Cancel",
    );
    const compute = h(
      "button",
      { type: "button", class: "st-button st-quiet", "data-st": "status-compute" },
      "Compute",
    );
    const latency = h("span", {
      class: "st-latency",
      title: "From the request to the drawn picture",
      "data-st": "status-latency",
    });
    element.setAttribute("data-st", "status");
    element.append(
      message,
      hint,
      dismiss,
      h("span", { class: "st-space" }),
      label,
      bar,
      cancel,
      compute,
      latency,
    );

    const fill = (): void => {
      const { notice, connection } = session.store.value;
      const cut = connectionNotice(session);
      const said = cut ?? notice;
      element.dataset.level = cut ? "warning" : (notice?.level ?? "");
      setText(
        message,
        said?.message ?? (connection === "connecting" && !session.poster ? "Connecting to the kernel…" : ""),
      );
      setText(hint, said?.hint ?? "");
      dismiss.hidden = said === null || cut !== null;
    };
    const fillProgress = (): void => {
      const running = runningNode(context);
      const progress = running?.progress ?? null;
      const share = progress && progress.total > 0 ? progress.done / progress.total : 0;
      for (const part of [bar, label, cancel]) {
        part.hidden = progress === null;
      }
      bar.style.setProperty("--st-share", String(share));
      bar.setAttribute("aria-valuenow", String(Math.round(share * 100)));
      setText(
        label,
        progress && running ? `${progress.label || running.name} ${Math.floor(share * 100)} %` : "",
      );
      compute.hidden = progress !== null || !canResume(session.node, context);
    };
    const fillLatency = (): void => {
      const { latencyMs, late } = view.value;
      setText(
        latency,
        late ? "waiting…" : latencyMs === null ? "" : `${numberText(Math.max(1, Math.round(latencyMs)))} ms`,
      );
    };
    cancel.addEventListener(
      "click",
      () => {
        const running = runningNode(context);
        if (running) {
          void session.act({ type: "cancel", node: running.id });
        }
      },
      { signal },
    );
    compute.addEventListener(
      "click",
      () => {
        if (session.node) {
          void session.act({ type: "compute", node: session.node.id });
        }
      },
      { signal },
    );
    dismiss.addEventListener("click", () => session.store.set({ notice: null }), { signal });
    session.store.on(["notice", "connection"], fill, signal);
    session.store.on(["nodes", "node"], fillProgress, signal);
    view.on(["picture"], fillProgress, signal);
    view.on(["latencyMs", "late"], fillLatency, signal);
    fill();
    fillProgress();
    fillLatency();
  },
};

/** The shown node's computation first, else any other one. */
function runningNode({ session }: PanelContext): NodeDescription | null {
  const running = session.store.value.nodes.filter((node) => node.progress?.state === "running");
  return running.find((node) => node.id === session.store.value.node) ?? running[0] ?? null;
}

/** A map that was stopped before its end can go on. */
function canResume(node: NodeDescription | null, { view }: PanelContext): boolean {
  const reply = view.value.picture?.reply;
  return node?.kind === "map" && reply?.node === node.id && reply.complete < 1;
}
