/** Asks for the pictures a view needs, and puts them into its state. */

import { PEAK_COLUMNS, samplesOf } from "../protocol/buffers";
import type { Channel, Sent } from "../protocol/client";
import type { Detail, FrameReply, NavigatorReply, WireError } from "../protocol/generated";
import { automaticLevels } from "../render/levels";
import { recordTiming } from "../test_hook";
import { levelsKey } from "./contrast";
import { FrameCache, type Picture } from "./frame_cache";
import type { Session } from "./session";
import type { Store } from "./store";
import { nodeById } from "./tree";
import type { ViewState } from "./view";

/** A view is at rest when nothing moved for this long. */
export const SETTLE_MS = 120;
/** A map that fills is asked for this often. */
const FILL_MS = 250;
const NAVIGATOR_PAUSE_MS = 150;

/** Pictures larger than the canvas by less than this are sent whole and scaled by the browser. */
const OVERSAMPLING = 1.5;
const LARGEST_PX = 1024;

export class FramePuller {
  #session: Session;
  #view: Store<ViewState>;
  #channel: Channel;
  /** What is on screen; the key is empty for a map that is not whole. */
  #shown: { key: string; detail: Detail } | null = null;
  #settle: ReturnType<typeof setTimeout> | undefined;
  /** The next look at a map that is not whole. */
  #fill: ReturnType<typeof setTimeout> | undefined;
  /** Node and revision that were asked for last. */
  #result = "";
  /** Revision each automatic level was chosen for, and how much of the map was there. */
  #levelled = new Map<string, { revision: number; complete: number }>();

  constructor(session: Session, view: Store<ViewState>, signal: AbortSignal) {
    this.#session = session;
    this.#view = view;
    this.#channel = session.client.channel({
      picture: (reply, buffers, sent) => reply.type === "frame" && this.#arrived(reply, buffers, sent),
      failed: (failure) => view.set({ failure, late: false }),
      late: (late) => {
        view.set({ late });
        if (late) {
          // Slow, or gone: a kernel that lives answers a greeting whatever it computes.
          void session.greet();
        }
      },
    });
    session.store.on(["position"], () => this.moved(), signal);
    session.store.on(["node", "component"], () => this.refresh("settled"), signal);
    session.store.on(["nodes"], () => this.#treeChanged(), signal);
    session.store.on(
      ["connection"],
      () => {
        if (session.store.value.connection === "live") {
          this.refresh("settled");
        } else {
          view.set({ late: false });
        }
      },
      signal,
    );
    view.on(["visible", "size"], () => this.refresh("settled"), signal);
    signal.addEventListener("abort", () => {
      clearTimeout(this.#settle);
      clearTimeout(this.#fill);
      this.#channel.close();
    });
  }

  /** The position changes: a quick picture now, the exact one at rest. */
  moved(): void {
    this.refresh("moving");
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.refresh("settled"), SETTLE_MS);
  }

  refresh(detail: Detail): void {
    const { node } = this.#session;
    const { connection, position, component } = this.#session.store.value;
    if (!node || connection !== "live" || !this.#view.value.visible) {
      return;
    }
    const size_px = this.#askedSize();
    const key = FrameCache.key(
      node.id,
      node.revision,
      node.kind === "map" ? [] : position,
      component,
      size_px,
    );
    const isShown = this.#shown?.key === key && this.#view.value.failure === null;
    if (isShown && (this.#shown?.detail === "settled" || detail === "moving")) {
      this.#channel.satisfied();
      return;
    }
    const cached = this.#session.frames.get(key);
    if (cached) {
      this.#channel.satisfied();
      this.#show(key, "settled", cached);
      return;
    }
    this.#channel.want({ type: "frame", node: node.id, index: [...position], component, size_px, detail });
  }

  /** Progress and names change the tree often; the picture only with the revision of its node. */
  #treeChanged(): void {
    const { node } = this.#session;
    const result = node ? `${node.id}@${node.revision}` : "";
    const fills = this.#shown?.key === "" && this.#fill === undefined;
    if (result !== this.#result || fills) {
      this.#result = result;
      this.refresh("settled");
    }
  }

  #askedSize(): [number, number] {
    const asked = (length: number): number =>
      length > 0 ? Math.min(LARGEST_PX, Math.round(length * OVERSAMPLING)) : 512;
    const [width, height] = this.#view.value.size;
    return [asked(width), asked(height)];
  }

  #arrived(reply: FrameReply, buffers: readonly DataView[], sent: Sent | null): void {
    const picture = this.#decode(reply, buffers);
    if (!picture) {
      return;
    }
    const wish = sent?.wish.type === "frame" ? sent.wish : null;
    const detail = wish?.detail ?? "moving";
    const node = nodeById(this.#session.store.value.nodes, reply.node);
    const index = node?.kind === "map" ? [] : reply.index;
    const key = FrameCache.key(reply.node, reply.revision, index, reply.component, wish?.size_px ?? [0, 0]);
    const complete = reply.complete >= 1;
    if (detail === "settled" && complete) {
      this.#session.frames.put(key, picture);
    }
    const { node: selected, component } = this.#session.store.value;
    if (reply.node !== selected || (node?.kind === "map" && reply.component !== component)) {
      return;
    }
    const arrivedAt = performance.now();
    this.#show(complete ? key : "", detail, picture);
    if (sent) {
      const drawnAt = performance.now();
      recordTiming({ request: sent.sentAt, reply: arrivedAt, drawn: drawnAt, generation: reply.generation });
      this.#view.set({ latencyMs: drawnAt - sent.sentAt });
    }
    if (node && !complete) {
      this.#session.computeIfNeeded(node, reply.complete);
      clearTimeout(this.#fill);
      this.#fill = setTimeout(() => {
        this.#fill = undefined;
        this.refresh("settled");
      }, FILL_MS);
    }
  }

  #decode(reply: FrameReply, buffers: readonly DataView[]): Picture | null {
    try {
      const [pixels, rows] = buffers;
      if (!pixels) {
        throw new RangeError("the picture came without its samples");
      }
      const samples = samplesOf(pixels, reply.sample, reply.width * reply.height);
      const count = reply.peak_count ?? 0;
      const peaks =
        reply.peak_count !== null && rows
          ? (samplesOf(rows, "f32", count * PEAK_COLUMNS) as Float32Array)
          : null;
      return { reply, samples, peaks };
    } catch (error) {
      this.#view.set({ failure: malformed(error, reply.node) });
      return null;
    }
  }

  #show(key: string, detail: Detail, picture: Picture): void {
    this.#shown = { key, detail };
    this.#chooseLevels(picture);
    this.#view.set({ picture, failure: null, late: false });
  }

  /** Levels are held across frames; automatic ones are chosen again when the result is another. */
  #chooseLevels({ reply }: Picture): void {
    const { nodes, levels } = this.#session.store.value;
    const node = nodeById(nodes, reply.node);
    if (!node) {
      return;
    }
    const key = levelsKey(node, reply.component);
    const held = levels[key];
    const last = this.#levelled.get(key);
    const same = last?.revision === reply.revision && last.complete >= reply.complete;
    if (held && (!held.automatic || same)) {
      return;
    }
    if (!Number.isFinite(reply.extrema[0])) {
      return;
    }
    this.#levelled.set(key, { revision: reply.revision, complete: reply.complete });
    const diverging = node.components[reply.component]?.diverging ?? false;
    const { low, high } = automaticLevels(reply.percentiles, reply.extrema, diverging);
    this.#session.holdLevels(node, reply.component, low, high, true);
  }
}

/** Keeps the navigation image of the shown node's scan. */
export class NavigatorPuller {
  #session: Session;
  #view: Store<ViewState>;
  #channel: Channel;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = "";

  constructor(session: Session, view: Store<ViewState>, signal: AbortSignal) {
    this.#session = session;
    this.#view = view;
    this.#channel = session.client.channel({
      picture: (reply, buffers) => reply.type === "navigator" && this.#arrived(reply, buffers),
      failed: (error) => session.report(error),
      late: () => {},
    });
    session.store.on(["node", "nodes", "connection"], () => this.refresh(), signal);
    session.store.on(["navigators"], () => this.#later(), signal);
    view.on(["visible"], () => this.refresh(), signal);
    signal.addEventListener("abort", () => {
      clearTimeout(this.#timer);
      this.#channel.close();
    });
  }

  /** Asks when the scan is another one or its image became better. */
  refresh(): void {
    const { node } = this.#session;
    const { connection, navigators } = this.#session.store.value;
    if (!node || connection !== "live" || !this.#view.value.visible || node.navigation_axes.length === 0) {
      return;
    }
    const wanted = `${node.source}:${navigators[node.source] ?? 0}`;
    if (wanted !== this.#asked) {
      this.#asked = wanted;
      this.#channel.want({ type: "navigator", node: node.id });
    }
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.refresh();
    }, NAVIGATOR_PAUSE_MS);
  }

  #arrived(reply: NavigatorReply, buffers: readonly DataView[]): void {
    const source = nodeById(this.#session.store.value.nodes, reply.node)?.source;
    try {
      if (source !== undefined && buffers[0]) {
        const samples = samplesOf(buffers[0], "f32", reply.width * reply.height);
        this.#view.set({ navigator: { reply, samples, source } });
      }
    } catch (error) {
      this.#session.report(malformed(error, reply.node));
    }
  }
}

function malformed(error: unknown, node: number): WireError {
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: "malformed",
    message,
    hint: "Reload the page; the widget may be older than the kernel.",
    node,
    index: null,
  };
}
