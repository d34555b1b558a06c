/** The computation that runs: how far, how fast, how long still; to stop it or to go on with it. */

import { h, listen, setAttributes, setHidden, setText } from "../dom";
import { numberText } from "../geometry/axes";
import { durationText } from "../geometry/bytes";
import type { NodeDescription, Progress } from "../protocol/generated";
import type { PanelContext } from "./registry";
import { savedPath } from "./save";

export function progressControls(context: PanelContext): HTMLElement[] {
  const { session, view, signal } = context;
  const bar = h("div", {
    class: "st-bar",
    role: "progressbar",
    "aria-valuemin": 0,
    "aria-valuemax": 100,
    "data-st": "status-progress",
  });
  const label = h("span", { class: "st-progress-label", "data-st": "status-progress-label" });
  const cancel = h("button", { class: "st-button st-quiet", "data-st": "status-cancel" }, "Cancel");
  const goOn = h("button", { class: "st-button st-quiet", "data-st": "status-compute" }, "Compute");
  const fill = (): void => {
    const running = runningNode(context);
    const progress = running?.progress ?? null;
    for (const part of [bar, label, cancel]) {
      setHidden(part, progress === null);
    }
    if (running && progress) {
      const share = shareOf(progress);
      bar.classList.toggle("st-unknown", share === null);
      bar.style.setProperty("--st-share", String(share ?? 0));
      setAttributes(bar, {
        "aria-valuenow": share === null ? null : Math.round(share * 100),
        "aria-label": progress.label,
      });
      setText(label, progressText(progress, running.name));
      setAttributes(label, { title: progress.message || null });
    }
    const stopped = stoppedNode(context);
    setHidden(goOn, progress !== null || stopped === null);
    if (stopped) {
      setText(goOn, stopped.progress?.can_resume ? "Go on" : "Compute");
      setAttributes(goOn, { title: resumeTitle(stopped) });
    }
  };
  listen(
    cancel,
    "click",
    () => {
      const running = runningNode(context);
      if (running) {
        void session.act({ type: "cancel", node: running.id });
      }
    },
    signal,
  );
  listen(
    goOn,
    "click",
    () => {
      const stopped = stoppedNode(context);
      if (stopped) {
        const path = stopped.progress?.can_resume ? savedPath(stopped.progress.label) : null;
        const { id: node } = stopped;
        void session.act(path === null ? { type: "compute", node } : { type: "save", node, path });
      }
    },
    signal,
  );
  const writing = new Set<number>();
  /** A file that is complete is worth a word. */
  const tell = (): void => {
    for (const { id, progress } of session.state.nodes) {
      const path = progress ? savedPath(progress.label) : null;
      if (path !== null && progress?.state === "running") {
        writing.add(id);
      } else if (writing.delete(id) && path !== null && progress?.state === "done") {
        session.store.set({ notice: { level: "info", message: `Saved ${path}`, hint: "" } });
      }
    }
  };
  session.store.on(["nodes"], tell, signal);
  session.store.on(["nodes", "node"], fill, signal);
  view.on(["picture"], fill, signal);
  fill();
  return [label, bar, cancel, goOn];
}

/** `saving flat.zspy 63 % · 1240 positions/s · 12 s left`. */
export function progressText(progress: Progress, name: string): string {
  const label = progress.label || name;
  const measuring = measuringText(progress);
  if (measuring !== null) {
    return label.startsWith("measuring ") ? measuring : `${label}: ${measuring}`;
  }
  const parts = [`${label} ${percent(doneOf(progress))}`];
  if (progress.rate !== undefined && progress.rate > 0) {
    const rate = progress.rate >= 10 ? Math.round(progress.rate) : progress.rate;
    parts.push(`${numberText(rate)} positions/s`);
  }
  if (progress.seconds_left !== undefined && progress.seconds_left >= 1) {
    parts.push(`${durationText(progress.seconds_left)} left`);
  }
  return parts.join(" · ");
}

/** `measuring peaks, pass 2 of 3, 42 %`, or `from 64 positions, 12 s`: no position of the result is begun. */
function measuringText({ label, measuring }: Progress): string | null {
  if (!measuring) {
    return label.startsWith("measuring ") ? label : null;
  }
  const { name, pass, passes, share, positions, seconds } = measuring;
  const which = passes === 1 ? "" : `, pass ${pass}${passes === undefined ? "" : ` of ${passes}`}`;
  const far = share === undefined ? "" : `${which && ","} ${percent(share)}`;
  const from = positions === undefined ? "" : ` from ${positions} positions`;
  const since = seconds === undefined || seconds < 1 ? "" : `, ${durationText(seconds)}`;
  return `measuring ${name}${which}${far}${from}${since}`;
}

/** Of what is measured first, while that runs; `null` while nobody knows how far it is. */
export function shareOf(progress: Progress): number | null {
  const { measuring } = progress;
  return measuring ? (measuring.share ?? null) : doneOf(progress);
}

function doneOf({ done, total }: Progress): number {
  return total > 0 ? done / total : 0;
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}

/** The shown node's computation first, else any other one. */
function runningNode({ session }: PanelContext): NodeDescription | null {
  const running = session.state.nodes.filter((node) => node.progress?.state === "running");
  return running.find((node) => node.id === session.state.node) ?? running[0] ?? null;
}

/** The shown node, if something of it was stopped before its end and can go on. */
function stoppedNode({ session, view }: PanelContext): NodeDescription | null {
  const { node } = session;
  if (!node) {
    return null;
  }
  const { progress } = node;
  if (progress && progress.state !== "running" && progress.state !== "done" && progress.can_resume) {
    return node;
  }
  const reply = view.value.picture?.reply;
  const partial = node.kind === "map" && reply?.node === node.id && reply.complete < 1 && !reply.draft;
  return partial ? node : null;
}

function resumeTitle({ progress }: NodeDescription): string {
  if (!progress?.can_resume) {
    return "Compute the whole map";
  }
  if (progress.message !== "") {
    return progress.message;
  }
  return `${progress.label}: stopped at ${percent(doneOf(progress))}, goes on from there`;
}
