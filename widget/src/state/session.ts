/**
 * Everything the views of one model share: the tree as the kernel last described it, the state
 * in the traits, and the actions a panel can take.
 */

import { clamp } from "../geometry/fit";
import { WHOLE, type Zoom } from "../geometry/zoom";
import { hold } from "../notebook_output";
import { type Answered, Client, type Question, RequestError } from "../protocol/client";
import {
  type Event,
  type MenuEntry,
  type NodeDescription,
  type OperationDescription,
  PROTOCOL_VERSION,
  type Progress,
  type TreeChange,
  type TreeDescription,
  type WireError,
} from "../protocol/generated";
import { type ContrastChoice, type HeldLevels, hasSeveralImages, levelsKey, pictureClass } from "./contrast";
import { FrameCache } from "./frame_cache";
import { pictureCount } from "./images";
import {
  besideSelected,
  focusedOn,
  keepPanes,
  type PaneChoice,
  shownPanes,
  withoutPane,
  withPane,
} from "./panes";
import { carried, isApart } from "./scan";
import { Store } from "./store";
import { afterChange } from "./told";
import {
  type Model,
  readTraits,
  type SavedState,
  TRAIT_NAMES,
  TRAITS,
  type Trait,
  writeTraits,
} from "./traits";
import { keptMeasured, nearestNode, nodeById, operationOf } from "./tree";

/** `asleep`: the model belongs to an earlier kernel; this one only keeps its picture. */
export type Connection = "connecting" | "live" | "gone" | "asleep" | "mismatch";

/** What makes a view of an earlier kernel live again: `restore()`, or its own cell. */
export type Reattach = "restore" | "run";

export interface Notice {
  level: "info" | "warning" | "error";
  message: string;
  hint: string;
}

export interface SharedState extends SavedState {
  connection: Connection;
  nodes: readonly NodeDescription[];
  operations: readonly OperationDescription[];
  notice: Notice | null;
  /** Counts the improvements of the navigation image, per source. */
  navigators: Readonly<Record<number, number>>;
  /** Counts the improvements of estimates, per node. */
  refinements: Readonly<Record<number, number>>;
  memory: Memory | null;
  /** The last parameters that the kernel was given, or refused. */
  committed: Committed | null;
}

export interface Committed {
  node: number;
  params: Record<string, unknown>;
  accepted: boolean;
}

export type Memory = Pick<Extract<Event, { type: "memory" }>, "used_bytes" | "pinned_bytes" | "budget_bytes">;

export const HELLO_TIMEOUT_MS = 3_000;
const HELLO_PAUSE_LIMIT_MS = 30_000;
const NO_LEVELS: HeldLevels = { low: 0, high: 1, automatic: false, free: false, of: "", complete: 0 };
const LEVELS_KEYS = ["low", "high", "automatic", "free", "of"] as const;
/** Traits are written when nothing moved for this long. */
const SAVE_PAUSE_MS = 250;

export class Session {
  readonly store: Store<SharedState>;
  readonly client: Client;
  readonly frames = new FrameCache();
  /** PNG of the last picture the kernel drew, if any. */
  readonly poster: Uint8Array<ArrayBuffer> | null;
  readonly posterText: string;
  /** Id of the model, the same for the kernel and every page. */
  readonly id: string;
  /** A picture has come: from then on the poster, which may be older, is of no use. */
  pictured = false;
  /** Aborted when the model is closed. */
  readonly signal: AbortSignal;
  #model: Model;
  #saveTimer: ReturnType<typeof setTimeout> | undefined;
  #helloTimer: ReturnType<typeof setTimeout> | undefined;
  #helloPause = HELLO_TIMEOUT_MS;
  #greeting = false;
  #retired = false;
  #reading = false;
  #computed = new Set<string>();
  /** The tree as the kernel told it. */
  #told: TreeDescription = { revision: 0, nodes: [] };
  /** The newest revision that came as a change of another tree than the one that is here. */
  #missed = 0;
  /** The image each map showed last. */
  #components = new Map<number, number>();
  /** Where each scan was left. */
  #left = new Map<number, readonly number[]>();

  constructor(model: Model, signal: AbortSignal) {
    this.#model = model;
    this.signal = signal;
    this.poster = bytesOf(model.get("poster"));
    const text = model.get("poster_text");
    this.posterText = typeof text === "string" ? text : "";
    const id = model.get("model");
    this.id = typeof id === "string" ? id : "";
    this.store = new Store<SharedState>({
      ...readTraits(model),
      connection: "connecting",
      nodes: [],
      operations: [],
      notice: null,
      navigators: {},
      refinements: {},
      memory: null,
      committed: null,
    });
    this.client = new Client(
      { send: (content) => model.send(content) },
      (event) => this.#event(event),
      () => this.#closed(),
    );
    this.#listen();
    const spoken = model.get("protocol");
    if (typeof spoken === "number" && spoken !== PROTOCOL_VERSION) {
      this.store.set({ connection: "mismatch" });
    } else if (this.reattach !== null) {
      this.store.set({ connection: "asleep" });
    } else {
      void this.greet();
    }
  }

  /** Set while the model belongs to an earlier kernel. */
  get reattach(): Reattach | null {
    const word = this.#model.get("asleep");
    return word === "restore" || word === "run" ? word : null;
  }

  get state(): Readonly<SharedState> {
    return this.store.value;
  }

  get node(): NodeDescription | null {
    return nodeById(this.state.nodes, this.state.node);
  }

  /** Asks the kernel for the tree; again and again, ever less often, while it is silent. */
  async greet(): Promise<void> {
    const ended = this.#retired || this.signal.aborted;
    if (this.#greeting || ended || this.state.connection === "mismatch" || this.reattach !== null) {
      return;
    }
    this.#greeting = true;
    this.#missed = 0;
    clearTimeout(this.#helloTimer);
    this.#helloTimer = undefined;
    try {
      const reply = await this.client.ask({ type: "hello", protocol: PROTOCOL_VERSION }, HELLO_TIMEOUT_MS);
      if (reply.type === "welcome") {
        this.#helloPause = HELLO_TIMEOUT_MS;
        this.#adoptTree(reply.tree, reply.operations);
        this.store.set({ connection: reply.protocol === PROTOCOL_VERSION ? "live" : "mismatch" });
      }
    } catch (error) {
      if (this.reattach !== null) {
        // The kernel said so while the question was under way.
        return;
      }
      const refused = error instanceof RequestError && error.wire.code !== "timeout";
      this.store.set({ connection: refused ? "mismatch" : "gone" });
      if (refused) {
        this.report(error.wire);
      } else if (!this.signal.aborted && !this.#retired) {
        this.#helloTimer = setTimeout(() => void this.greet(), this.#helloPause);
        this.#helloPause = Math.min(this.#helloPause * 2, HELLO_PAUSE_LIMIT_MS);
      }
    } finally {
      this.#greeting = false;
    }
    if (this.state.connection === "live" && this.#missed > this.#told.revision) {
      void this.greet();
    }
  }

  /** Another model has taken the places of this one. */
  retire(): void {
    this.#retired = true;
    clearTimeout(this.#helloTimer);
    clearTimeout(this.#saveTimer);
  }

  /** The panes in their order, with the pattern that comes by itself beside a detector's image. */
  get panes(): PaneChoice[] {
    const { nodes, operations } = this.state;
    return shownPanes(this.state, nodes, operations);
  }

  /** Shows a node in the focused pane, or goes to the pane that shows it already. */
  select(node: number): void {
    const pinned = this.panes.find((pane) => pane.node === node && !pane.companion);
    if (pinned && node !== this.state.node) {
      this.store.set({ notice: null });
      this.focusPane(pinned.key);
      return;
    }
    this.#show({ node, component: this.#componentOf(node), notice: null });
  }

  /**
   * Shows a node beside the others, of a map the next image that is not shown yet. Whether it did: every
   * image of the node may be `shown`, or there may be no room.
   */
  compare(node: number): "added" | "shown" | "full" {
    if (!this.state.companion && node === this.node?.parents[0]) {
      // The pattern beside its detector is wanted again.
      this.store.set({ companion: true });
      if (this.panes.some((pane) => pane.companion)) {
        return "added";
      }
    }
    const { panes } = this;
    const count = Math.max(1, pictureCount(nodeById(this.state.nodes, node)));
    const first = this.#componentOf(node);
    const isShown = (component: number): boolean =>
      panes.some((pane) => pane.node === node && pane.component === component && !pane.companion);
    const next = Array.from({ length: count }, (_, i) => (first + i) % count).find(
      (image) => !isShown(image),
    );
    if (next === undefined) {
      return "shown";
    }
    const more = withPane(panes, node, next);
    if (!more) {
      return "full";
    }
    this.store.set({ panes: more.panes });
    return "added";
  }

  /** Selects a node and keeps the one that was selected beside it, if there is room. */
  showBeside(node: number): void {
    const change = besideSelected(this.state, this.panes, node, this.#componentOf(node));
    if (change) {
      this.#show(change);
    } else {
      this.select(node);
    }
  }

  /** The pane with this key has the selected node; a companion becomes a pane like others. */
  focusPane(key: number): void {
    this.#show(focusedOn(this.state, this.panes, key) ?? {});
  }

  closePane(key: number): void {
    const { panes } = this;
    const closed = panes.find((pane) => pane.key === key);
    this.#show(withoutPane(this.state, panes, key) ?? {});
    // Whoever closes the pattern beside a detector does not want it back by itself.
    if (this.panes.some((pane) => pane.companion && pane.node === closed?.node)) {
      this.store.set({ companion: false });
    }
  }

  /** Which part of the pictures of one shape is shown. */
  zoomOf(shape: string): Zoom {
    return this.state.zoom[shape] ?? WHOLE;
  }

  setZoom(shape: string, zoom: Zoom): void {
    this.store.set({ zoom: { ...this.state.zoom, [shape]: zoom } });
  }

  /** The image of a map that a pane shows. */
  setComponent(component: number, key = this.state.focused): void {
    const { focused, panes } = this.state;
    if (key !== focused) {
      this.store.set({ panes: panes.map((pane) => (pane.key === key ? { ...pane, component } : pane)) });
      return;
    }
    const { node } = this.state;
    if (node !== null) {
      this.#components.set(node, component);
    }
    this.store.set({ component });
  }

  /** The position inside the scan of a node: where that is another one than the selected node's, the same place. */
  positionIn(node: NodeDescription): number[] {
    return this.#inside(this.#carried(this.state.position, this.node, node, this.state.nodes), node);
  }

  /** The place of a position in the scan of another node; where they have none in common, where that was left, or its first. */
  #carried(
    position: readonly number[],
    from: NodeDescription | null,
    to: NodeDescription | null,
    nodes: readonly NodeDescription[],
  ): readonly number[] {
    const first = (to?.navigation_axes ?? []).map(() => 0);
    // A view that opens has no position yet.
    const place = position.length === 0 && isApart(to, nodes) ? null : carried(position, from, to, nodes);
    return place ?? this.#left.get(to?.scan ?? -1) ?? first;
  }

  /** Moves to a position of a node's scan. */
  moveWithin(node: NodeDescription | null, position: readonly number[]): void {
    this.moveTo(carried(position, node, this.node, this.state.nodes) ?? this.state.position);
  }

  /** A change of what is shown; where another node is selected, the position is the same place in its scan. */
  #show(change: Partial<SharedState>): void {
    const { nodes, position } = this.state;
    const next = change.node === undefined ? this.node : nodeById(nodes, change.node);
    const elsewhere = next !== null && next.scan !== this.node?.scan && next.navigation_axes.length > 0;
    if (elsewhere && this.node) {
      this.#left.set(this.node.scan, position);
    }
    const moved = elsewhere && {
      position: this.#inside(this.#carried(position, this.node, next, nodes), next),
    };
    this.store.set({ ...change, ...moved });
  }

  /** Moves to a scan position, kept inside the scan. */
  moveTo(position: readonly number[]): void {
    const inside = this.#inside(position, this.node);
    const { position: old } = this.state;
    if (inside.length !== old.length || inside.some((index, axis) => index !== old[axis])) {
      this.store.set({ position: inside });
    }
  }

  moveBy(rows: number, columns: number): void {
    const position = [...this.state.position];
    const last = position.length - 1;
    position[last] = (position[last] ?? 0) + columns;
    if (last > 0) {
      position[last - 1] = (position[last - 1] ?? 0) + rows;
    }
    this.moveTo(position);
  }

  /** What is left out stays as it was. */
  /** Whether each image of a node has levels of its own. */
  hasEachLevels(node: NodeDescription): boolean {
    return isApart(node, this.state.nodes) || (this.state.eachLevels && hasSeveralImages(node));
  }

  holdLevels(node: NodeDescription, component: number, change: Partial<HeldLevels>): void {
    const key = levelsKey(node, component);
    const old = this.state.levels[key];
    const next: HeldLevels = { ...NO_LEVELS, ...old, ...change };
    const same = old && LEVELS_KEYS.every((name) => old[name] === next[name]);
    // Levels that stay while a map grows are news when it is complete: each piece of news puts off the writing.
    if (!same || (next.complete >= 1 && old.complete < 1)) {
      this.store.set({ levels: { ...this.state.levels, [key]: next } });
    }
  }

  setContrast(change: Partial<ContrastChoice>): void {
    const { contrast, component } = this.state;
    const kind = pictureClass(this.node, component);
    this.store.set({ contrast: { ...contrast, [kind]: { ...contrast[kind], ...change } } });
  }

  /** Carries out a request; a refusal is shown as a notice and answered with `null`. */
  async act(question: Question): Promise<{ node: number | null } | null> {
    const reply = await this.#answer(question);
    return reply && { node: reply.type === "done" ? reply.node : null };
  }

  /** Which operations fit a node; `null` where the kernel does not say, which is shown as a notice. */
  async menu(node: number): Promise<readonly MenuEntry[] | null> {
    const reply = await this.#answer({ type: "menu", node });
    return reply?.type === "menu" ? reply.entries : null;
  }

  /** Paths that begin as what is written; none from a kernel that is silent. */
  async paths(written: string, endings: readonly string[]): Promise<readonly string[]> {
    const reply = await this.client.ask({ type: "paths", written, endings: [...endings] }).catch(() => null);
    return reply?.type === "paths" ? reply.paths : [];
  }

  /** The answer to a question; a refusal is shown as a notice, and answered with `null`. */
  async #answer(question: Question): Promise<Answered | null> {
    try {
      return await this.client.ask(question);
    } catch (error) {
      if (error instanceof RequestError && !this.signal.aborted) {
        this.report(error.wire);
      }
      return null;
    }
  }

  /**
   * What an operation could take beside a node; without one, what the node itself could take instead of what it has. `null` from
   * a kernel that is silent, which the status says.
   */
  async possible(node: number, operation?: string): Promise<NodeDescription[] | null> {
    const question = { type: "inputs", node, ...(operation !== undefined && { operation }) } as const;
    const reply = await this.client.ask(question).catch(() => null);
    const { nodes } = this.state;
    return reply?.type === "inputs" ? reply.nodes.flatMap((id) => nodeById(nodes, id) ?? []) : null;
  }

  /** Gives a node its parameters: one step of its history. Views end their drafts of them. */
  async commit(node: number, params: Record<string, unknown>): Promise<boolean> {
    const accepted = (await this.act({ type: "set_params", node, params })) !== null;
    this.store.set({ committed: { node, params, accepted } });
    return accepted;
  }

  /** Starts the computation of a shown map once per revision, unless it was stopped by hand. */
  computeIfNeeded(node: NodeDescription, complete: number): void {
    const key = `${node.id}@${node.revision}`;
    const stopped = node.progress && node.progress.state !== "done";
    if (node.kind === "map" && complete < 1 && !stopped && !this.#computed.has(key)) {
      this.#computed.add(key);
      void this.act({ type: "compute", node: node.id });
    }
  }

  report(error: WireError): void {
    const where = error.node === null ? null : nodeById(this.state.nodes, error.node);
    const message =
      where && !error.message.includes(where.name) ? `${where.name}: ${error.message}` : error.message;
    this.store.set({ notice: { level: "error", message, hint: error.hint } });
  }

  #listen(): void {
    const custom = (content: unknown, buffers: DataView[] | undefined): void =>
      this.client.receive(content, buffers ?? []);
    const changed = (trait: Trait): void => {
      if (!this.#reading) {
        this.#reading = true;
        // Nothing but what changed: the rest may be on its way to the model.
        const read = readTraits(this.#model);
        this.store.set(Object.fromEntries(TRAITS[trait].map((key) => [key, read[key]])));
        this.#reading = false;
      }
    };
    const listeners = TRAIT_NAMES.map((trait) => [`change:${trait}`, () => changed(trait)] as const);
    const woken = (): void => {
      clearTimeout(this.#helloTimer);
      this.#helloTimer = undefined;
      if (this.reattach !== null) {
        this.store.set({ connection: "asleep" });
      } else if (this.state.connection === "asleep") {
        this.store.set({ connection: "connecting" });
        void this.greet();
      }
    };
    this.#model.on("msg:custom", custom);
    this.#model.on("change:asleep", woken);
    for (const [event, listener] of listeners) {
      this.#model.on(event, listener);
    }
    this.store.on(
      [
        "node",
        "position",
        "component",
        "panes",
        "focused",
        "companion",
        "zoom",
        "levels",
        "sameLevels",
        "eachLevels",
        "contrast",
      ],
      () => this.#saveLater(),
      this.signal,
    );
    this.signal.addEventListener("abort", () => {
      this.#model.off("msg:custom", custom);
      this.#model.off("change:asleep", woken);
      for (const [event, listener] of listeners) {
        this.#model.off(event, listener);
      }
      clearTimeout(this.#saveTimer);
      clearTimeout(this.#helloTimer);
      this.client.dispose();
    });
  }

  /** The page has cut the connection to the kernel: it was restarted, or has ended. */
  #closed(): void {
    if (this.state.connection === "live" || this.state.connection === "connecting") {
      this.store.set({ connection: "gone" });
    }
  }

  #saveLater(): void {
    if (this.#reading) {
      return;
    }
    clearTimeout(this.#saveTimer);
    this.#saveTimer = setTimeout(() => {
      // Setting a trait reports it as changed, one by one: not news to us.
      this.#reading = true;
      try {
        writeTraits(this.#model, this.state);
      } catch {
        // The connection is closed; the traits are in the model all the same.
        this.#closed();
      } finally {
        this.#reading = false;
      }
    }, SAVE_PAUSE_MS);
  }

  #event(event: Event): void {
    switch (event.type) {
      case "tree_changed":
        this.#treeChanged(event);
        break;
      case "progress":
        this.#progress(event);
        break;
      case "navigator_changed": {
        const { navigators } = this.state;
        const count = (navigators[event.source] ?? 0) + 1;
        this.store.set({ navigators: { ...navigators, [event.source]: count } });
        break;
      }
      case "refined": {
        const { refinements } = this.state;
        const count = (refinements[event.node] ?? 0) + 1;
        this.store.set({ refinements: { ...refinements, [event.node]: count } });
        break;
      }
      case "memory": {
        const { used_bytes, pinned_bytes, budget_bytes } = event;
        this.store.set({ memory: { used_bytes, pinned_bytes, budget_bytes } });
        break;
      }
      case "picture":
        hold(this.#model.widget_manager, this.id, event);
        break;
      case "notice":
        this.store.set({ notice: { level: event.level, message: event.message, hint: event.hint } });
        break;
    }
  }

  #progress(progress: Progress): void {
    const nodes = this.state.nodes.map((node) => (node.id === progress.node ? { ...node, progress } : node));
    this.store.set({ nodes });
    if (progress.state === "failed" && progress.message !== "") {
      this.report({ code: "failed", message: progress.message, hint: "", node: progress.node, index: null });
    }
  }

  /** What follows from a tree that is not here is asked for whole. */
  #treeChanged(change: TreeChange): void {
    const tree = afterChange(this.#told, change);
    if (tree) {
      this.#adoptTree(tree, this.state.operations);
    } else {
      this.#missed = Math.max(this.#missed, change.revision);
      // A kernel that is too busy to answer is asked again when its pause is over.
      if (this.#helloTimer === undefined) {
        void this.greet();
      }
    }
  }

  #adoptTree(told: TreeDescription, operations: readonly OperationDescription[]): void {
    this.#told = told;
    const { nodes: before, node: selected, position, focused } = this.state;
    const nodes = told.nodes.map((node) => keptMeasured(nodeById(before, node.id), node));
    const node = nodeById(nodes, selected) ? selected : nearestNode(before, nodes, selected);
    for (const scan of this.#left.keys()) {
      if (!nodes.some((one) => one.scan === scan)) {
        this.#left.delete(scan);
      }
    }
    this.store.set({
      nodes,
      operations,
      node,
      component: node === selected ? this.state.component : 0,
      panes: keepPanes(this.state.panes, focused, before, nodes),
      position: this.#inside(
        this.#carried(position, nodeById(before, selected), nodeById(nodes, node), nodes),
        nodeById(nodes, node),
      ),
    });
  }

  /** Nothing known, it is the middle of a scan. */
  #inside(position: readonly number[], node: NodeDescription | null): number[] {
    if (!node) {
      return [...position];
    }
    return node.navigation_axes.map((axis, i) =>
      clamp(Math.round(position[i] ?? Math.floor(axis.size / 2)), 0, axis.size - 1),
    );
  }

  /** The image a map showed last, else the same one of another map of its kind, else the first. */
  #componentOf(id: number): number {
    const next = nodeById(this.state.nodes, id);
    const alike = next?.operation === this.node?.operation ? this.state.component : 0;
    const component = this.#components.get(id) ?? alike;
    return Math.min(component, Math.max(0, pictureCount(next) - 1));
  }

  get operation(): OperationDescription | null {
    return operationOf(this.node, this.state.operations);
  }
}

function bytesOf(value: unknown): Uint8Array<ArrayBuffer> | null {
  if (!ArrayBuffer.isView(value) || value.byteLength === 0) {
    return null;
  }
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
}
