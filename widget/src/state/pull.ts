/** Asks for the pictures a view needs, and puts them into its state. */

import { covers, type Need, needOf, type PartRequest } from "../geometry/part_request";
import { WHOLE } from "../geometry/zoom";
import type { Samples } from "../protocol/buffers";
import type { Channel, Sent } from "../protocol/client";
import type { Attention, Detail, FrameReply, NodeDescription } from "../protocol/generated";
import { automaticLevels } from "../render/levels";
import { recordTiming } from "../test_hook";
import { beyond, chosenFrom, levelsKey, type Trial, trialOf } from "./contrast";
import { hasLevels, pictureCount, showsOf } from "./images";
import { malformed } from "./malformed";
import { Picture } from "./picture";
import type { Session } from "./session";
import type { Store } from "./store";
import { nodeById, shapeOf } from "./tree";
import type { PaneState, ViewState } from "./view";

/** A view is at rest when nothing moved for this long. */
export const SETTLE_MS = 120;
/** A map that fills is asked for this often. */
const FILL_MS = 250;
/** Values of a map that grows from which levels are chosen; a quarter of a small one is enough. */
const LEAST_VALUES = 64;

/** Keeps the picture of one pane. */
export class FramePuller {
  #session: Session;
  #view: Store<ViewState>;
  #pane: Store<PaneState>;
  #focused: () => boolean;
  #channel: Channel;
  /** What is on screen; content and key are empty for a picture that will get better. */
  #shown: { content: string; key: string; detail: Detail } | null = null;
  #settle: ReturnType<typeof setTimeout> | undefined;
  /** The next look at a picture that will get better. */
  #fill: ReturnType<typeof setTimeout> | undefined;
  /** Node, revision and improvements that were asked for last. */
  #result = "";
  #position: readonly number[] = [];
  #lastTrial = JSON.stringify({ draft: null, region: null });
  #attention: Attention = "visible";

  constructor(
    session: Session,
    view: Store<ViewState>,
    pane: Store<PaneState>,
    focused: () => boolean,
    signal: AbortSignal,
  ) {
    this.#session = session;
    this.#view = view;
    this.#pane = pane;
    this.#focused = focused;
    this.#channel = session.client.channel({
      picture: (reply, buffers, sent) => reply.type === "frame" && this.#arrived(reply, buffers, sent),
      failed: (failure) => pane.set({ failure, late: false }),
      late: (late) => {
        pane.set({ late });
        if (late) {
          // Slow, or gone: a kernel that lives answers a greeting whatever it computes.
          void session.greet();
        }
      },
    });
    session.store.on(["position"], () => this.moved(), signal);
    session.store.on(["nodes", "refinements"], () => this.#treeChanged(), signal);
    session.store.on(["zoom"], () => this.refresh("settled"), signal);
    session.store.on(
      ["connection"],
      () => {
        if (session.state.connection === "live") {
          // Another kernel takes every view for visible.
          this.#attention = "visible";
          this.#setAttention();
          this.refresh("settled");
        } else {
          pane.set({ late: false });
        }
      },
      signal,
    );
    pane.on(["node", "component", "size"], () => this.refresh("settled"), signal);
    view.on(["visible"], () => this.refresh("settled"), signal);
    view.on(["draft", "region"], () => this.#tried(), signal);
    const setAttention = (): void => this.#setAttention();
    view.on(["visible", "attended"], setAttention, signal);
    session.store.on(["focused", "node"], setAttention, signal);
    signal.addEventListener("abort", () => {
      clearTimeout(this.#settle);
      clearTimeout(this.#fill);
      this.#tell("hidden");
      this.#channel.close();
    });
  }

  /** The position, or what is tried, changes: a quick picture now, the exact one at rest. */
  moved(): void {
    this.refresh("moving");
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.refresh("settled"), SETTLE_MS);
  }

  refresh(detail: Detail): void {
    const node = this.#node;
    const { component } = this.#pane.value;
    if (!node || this.#session.state.connection !== "live" || !this.#view.value.visible) {
      return;
    }
    const index = this.#session.positionIn(node);
    const need = this.#need(node, detail);
    const trial = trialOf(this.#view.value, node);
    const { draft } = trial;
    // A region is one of the selected node's scan.
    const region = node.scan === this.#session.node?.scan ? trial.region : null;
    const at = node.kind === "map" ? index.slice(0, -2) : index;
    const content = contentOf(node.id, node.revision, at, component, { draft, region });
    const key = keyOf(content, need.request);
    const isShown =
      (this.#shown?.key === key || this.#shows(content, need)) && this.#pane.value.failure === null;
    if (isShown && (this.#shown?.detail === "settled" || detail === "moving")) {
      this.#channel.satisfied();
      return;
    }
    const cached = this.#session.frames.get(key);
    if (cached) {
      this.#channel.satisfied();
      this.#show(content, key, "settled", cached, { draft, region });
      return;
    }
    this.#fillIn(node, content, need, { draft, region });
    this.#channel.want({
      type: "frame",
      node: node.id,
      index,
      component,
      ...need.request,
      detail,
      ...(draft && { draft }),
      ...(region && { region }),
      ...this.#direction(index, detail),
    });
  }

  get #node(): NodeDescription | null {
    return nodeById(this.#session.state.nodes, this.#pane.value.node);
  }

  /** Something is tried, perhaps on another node. */
  #tried(): void {
    const node = this.#node;
    const trial = node ? JSON.stringify(trialOf(this.#view.value, node)) : "";
    if (trial !== this.#lastTrial) {
      this.#lastTrial = trial;
      this.moved();
    }
  }

  /** Scan rows and columns since the last request: what lies ahead can be read before it is asked for. */
  #direction(index: readonly number[], detail: Detail): { direction?: [number, number] } {
    const last = this.#position;
    this.#position = index;
    const step = (axis: number): number => (index.at(axis) ?? 0) - (last.at(axis) ?? 0);
    const [rows, columns] = [step(-2), step(-1)];
    const moves = last.length === index.length && (rows !== 0 || columns !== 0);
    return detail === "moving" && moves ? { direction: [rows, columns] } : {};
  }

  /** Progress and names change the tree often; the picture only with the revision of its node. */
  #treeChanged(): void {
    const node = this.#node;
    const { refinements } = this.#session.state;
    const result = node ? `${node.id}@${node.revision}+${refinements[node.id] ?? 0}` : "";
    const fills = this.#shown?.key === "" && this.#fill === undefined;
    if (result !== this.#result || fills) {
      this.#result = result;
      this.refresh("settled");
    }
  }

  #need(node: NodeDescription, detail: Detail, zoom = this.#session.zoomOf(shapeOf(node).key)): Need {
    return needOf(this.#pane.value.size, shapeOf(node), zoom, detail === "moving");
  }

  /** The picture has what is seen now, as fine as it is needed. */
  #shows(content: string, { seen, block }: Need): boolean {
    const reply = this.#pane.value.picture?.reply;
    return this.#shown?.content === content && reply?.block === block && covers(reply.part, seen);
  }

  /** What is seen after zooming out is not there yet: the whole picture is shown meanwhile, if it is kept. */
  #fillIn(node: NodeDescription, content: string, { seen }: Need, trial: Trial): void {
    const shown = this.#pane.value.picture?.reply;
    if (!shown || (this.#shown?.content === content && covers(shown.part, seen))) {
      return;
    }
    const key = keyOf(content, this.#need(node, "settled", WHOLE).request);
    const kept = this.#session.frames.get(key);
    if (kept) {
      this.#show(content, key, "moving", kept, trial);
    }
  }

  #arrived(reply: FrameReply, buffers: readonly DataView[], sent: Sent | null): void {
    const arrivedAt = performance.now();
    const picture = this.#receive(reply, buffers);
    if (!picture) {
      return;
    }
    const request = sent?.request.type === "frame" ? sent.request : null;
    const node = nodeById(this.#session.state.nodes, reply.node);
    const index = node?.kind === "map" ? reply.index.slice(0, -2) : reply.index;
    const trial = { draft: request?.draft ?? null, region: request?.region ?? null };
    // What is tried has a revision of its own.
    const revision = trial.draft && node ? node.revision : reply.revision;
    const content = contentOf(reply.node, revision, index, reply.component, trial);
    const key = keyOf(content, request ?? { size_px: [0, 0] });
    const whole = reply.complete >= 1 && reply.exact && request !== null;
    // What is exact stays as it is at rest: there is no need to ask again.
    const detail = whole ? "settled" : (request?.detail ?? "moving");
    if (whole && !trial.draft) {
      this.#session.frames.put(key, picture);
    }
    const { node: wanted, component } = this.#pane.value;
    if (reply.node !== wanted || (pictureCount(node) > 1 && reply.component !== component)) {
      return;
    }
    this.#show(whole ? content : "", whole ? key : "", detail, picture, trial);
    if (sent && this.#focused()) {
      const drawnAt = performance.now();
      recordTiming({ request: sent.sentAt, reply: arrivedAt, drawn: drawnAt, generation: reply.generation });
      this.#view.set({ latencyMs: drawnAt - sent.sentAt });
    }
    if (node && !whole) {
      if (!reply.draft && trial.region === null) {
        this.#session.computeIfNeeded(node, reply.complete);
      }
      clearTimeout(this.#fill);
      this.#fill = setTimeout(() => {
        this.#fill = undefined;
        this.refresh("settled");
      }, FILL_MS);
    }
  }

  #receive(reply: FrameReply, buffers: readonly DataView[]): Picture | null {
    try {
      return new Picture(reply, buffers);
    } catch (error) {
      this.#pane.set({ failure: malformed(error, reply.node) });
      return null;
    }
  }

  #show(content: string, key: string, detail: Detail, picture: Picture, trial: Trial): void {
    this.#shown = { content, key, detail };
    this.#session.pictured = true;
    this.#chooseLevels(picture, trial);
    const before = this.#pane.value.picture;
    this.#pane.set({ picture, failure: null, late: false });
    if (before !== picture) {
      before?.rest();
    }
  }

  /**
   * Levels are held across frames; automatic ones are chosen again when the result is another, and when nothing would be
   * seen with them.
   */
  #chooseLevels(picture: Picture, trial: Trial): void {
    // Its samples are unpacked when they are read: most pictures need none of them here.
    const { reply } = picture;
    const { nodes, levels } = this.#session.state;
    const node = nodeById(nodes, reply.node);
    if (!node) {
      return;
    }
    const shows = showsOf(node, reply.component);
    if (!hasLevels(shows)) {
      return;
    }
    const held = levels[levelsKey(node, reply.component)];
    const { complete } = reply;
    const of = chosenFrom(reply, trial, this.#session.hasEachLevels(node));
    const side = held ? beyond(held, reply.percentiles) : null;
    const same = held?.of === of && held.complete >= complete;
    if (held && (!held.automatic || (same && side === null))) {
      return;
    }
    const growing = reply.space === "navigation" && complete < 1;
    if (!Number.isFinite(reply.extrema[0]) || (growing && !isEnough(picture.samples))) {
      return;
    }
    let { low, high } = automaticLevels(reply.percentiles, reply.extrema, shows);
    if (held && growing && held.of === of) {
      // The rest of the map may look like what was there before: levels only widen until it is complete.
      [low, high] = [Math.min(low, held.low), Math.max(high, held.high)];
    }
    this.#session.holdLevels(node, reply.component, { low, high, automatic: true, of, complete });
    if (this.#focused()) {
      this.#view.set({ levelsAnew: same && side ? { node: node.id, side } : null });
    }
  }

  /** Tells the kernel which views are looked at: hidden ones cost nothing, others give way to the focused one. */
  #setAttention(): void {
    const { visible, attended } = this.#view.value;
    this.#tell(!visible ? "hidden" : attended && this.#focused() ? "focused" : "visible");
  }

  #tell(state: Attention): void {
    const { node } = this.#pane.value;
    if (state !== this.#attention && node !== null && this.#session.state.connection === "live") {
      this.#attention = state;
      this.#session.client.tell({ type: "attention", view: this.#channel.view, node, state });
    }
  }
}

/** Whether a map that grows has enough values for levels of its own. */
function isEnough(samples: Samples): boolean {
  const enough = Math.min(LEAST_VALUES, samples.length / 4);
  let values = 0;
  for (let i = 0; i < samples.length && values < enough; i++) {
    values += Number.isFinite(samples[i]) ? 1 : 0;
  }
  return values >= enough;
}

/** What a picture is of, whichever part of it and however fine. */
function contentOf(
  node: number,
  revision: number,
  index: readonly number[],
  component: number,
  { draft, region }: Trial,
): string {
  const at = region ? index.slice(0, -2) : index;
  const content = `${node}@${revision}:${at.join(",")}:${component}`;
  return draft || region ? `${content}:${JSON.stringify([draft, region])}` : content;
}

function keyOf(content: string, { size_px, part }: PartRequest): string {
  const seen = part ? `${part.x0},${part.y0},${part.width},${part.height}` : "";
  return `${content}:${size_px.join("x")}:${seen}`;
}
