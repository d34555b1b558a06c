/** Asks for the navigation image of the shown node's scan. */

import type { Region, Size } from "../geometry/fit";
import { needOf } from "../geometry/part_request";
import { samplesOf } from "../protocol/buffers";
import type { Channel } from "../protocol/client";
import type { NavigatorReply, NodeDescription, ProgressState, WireError } from "../protocol/generated";
import { malformed } from "./malformed";
import type { Session } from "./session";
import type { Store } from "./store";
import { hasNavigator, nodeById, withAncestors } from "./tree";
import type { Picking, ViewState } from "./view";

const NAVIGATOR_PAUSE_MS = 150;
/** Scans of no more rows and columns are sent whole, position by position. */
const WHOLE_POSITIONS = 1024;

/** How far the computations are from which an image comes. */
interface SourceState {
  states: ReadonlyMap<number, ProgressState | undefined>;
  refinements: number;
}

/** The name under which the navigation image of a scan is zoomed: of its own beside maps of the same shape. */
export function navigatorShape({ width, height }: Size): string {
  return `navigator:${width}x${height}`;
}

/** The node whose scan the navigator shows: while a region is drawn for a node that cuts its scan, that of what it is cut from. */
export function navigatedNode(session: Session, picking: Picking | null): NodeDescription | null {
  const { node } = session;
  const above = nodeById(session.state.nodes, node?.parents[0] ?? null);
  const drawn = picking?.kind === "navigation_region" && above !== null && above.scan !== node?.scan;
  return drawn && above.navigation_axes.length > 0 ? above : node;
}

/** Keeps the navigation image of the shown node's scan. */
export class NavigatorPuller {
  #session: Session;
  #view: Store<ViewState>;
  #channel: Channel;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #requested = "";
  /** What could not be had, and how far what it comes from was then. */
  #failed: { wanted: string; source: SourceState } | null = null;

  constructor(session: Session, view: Store<ViewState>, signal: AbortSignal) {
    this.#session = session;
    this.#view = view;
    this.#channel = session.client.channel({
      picture: (reply, buffers) => reply.type === "navigator" && this.#arrived(reply, buffers),
      failed: (error) => this.#hasFailed(error),
      late: () => {},
    });
    session.store.on(["node", "nodes", "connection", "position"], () => this.refresh(), signal);
    session.store.on(["navigators", "refinements"], () => this.#later(), signal);
    session.store.on(["zoom"], () => this.refresh(), signal);
    view.on(["visible", "navigatorSize", "picking"], () => this.refresh(), signal);
    signal.addEventListener("abort", () => {
      clearTimeout(this.#timer);
      this.#channel.close();
    });
  }

  /** Asks when the scan is another one, the position of its slower axes is, its image became better, or another part is seen. */
  refresh(): void {
    const node = this.#shown();
    const { connection, navigators, nodes } = this.#session.state;
    if (!node || connection !== "live" || !this.#view.value.visible || !hasNavigator(nodes, node)) {
      return;
    }
    const index = this.#session.positionIn(node);
    // A part of a scan that becomes another one has another image.
    const scanRevision = nodeById(nodes, node.scan)?.revision ?? 0;
    const part = this.#part(node);
    const seen = part ? `${part.x0},${part.y0},${part.width},${part.height}` : "";
    const wanted = `${node.scan}@${scanRevision}:${index.slice(0, -2)}:${navigators[node.source] ?? 0}:${seen}`;
    const failedBefore = wanted === this.#failed?.wanted;
    if (wanted !== this.#requested && (!failedBefore || this.#isWorthAsking(node))) {
      this.#failed = null;
      this.#requested = wanted;
      this.#channel.want({ type: "navigator", node: node.id, index, ...(part && { part }) });
    }
  }

  #hasFailed(error: WireError): void {
    const node = this.#shown();
    if (node && !this.#channel.busy) {
      this.#failed = { wanted: this.#requested, source: this.#sourceState(node) };
      this.#requested = "";
    }
    this.#session.report(error);
  }

  /**
   * Whether what failed may succeed now: what it comes from runs again, is done, or became better. Not while something of that is
   * stopped: to ask would be to start it again.
   */
  #isWorthAsking(node: NodeDescription): boolean {
    const now = this.#sourceState(node);
    const before = this.#failed?.source;
    if (!this.#failed || !before) {
      return true;
    }
    this.#failed.source = { ...now, refinements: before.refinements };
    const states = [...now.states.values()];
    if (states.some((state) => state === "cancelled" || state === "failed")) {
      return false;
    }
    const moves = [...now.states].some(
      ([id, state]) => state !== before.states.get(id) && (state === "running" || state === "done"),
    );
    return moves || now.refinements !== before.refinements;
  }

  #sourceState(node: NodeDescription): SourceState {
    const { nodes, refinements } = this.#session.state;
    const from = withAncestors(nodes, node);
    return {
      states: new Map(from.map(({ id, progress }) => [id, progress?.state])),
      refinements: from.reduce((sum, { id }) => sum + (refinements[id] ?? 0), 0),
    };
  }

  /** The node whose scan is looked at: the selected one, or the one whose scan a region is drawn on for it. */
  #shown(): NodeDescription | null {
    return navigatedNode(this.#session, this.#view.value.picking);
  }

  #part({ navigation_axes }: NodeDescription): Region | undefined {
    const [height, width] = [navigation_axes.at(-2)?.size ?? 1, navigation_axes.at(-1)?.size ?? 1];
    if (Math.min(width, height) === 1 || Math.max(width, height) <= WHOLE_POSITIONS) {
      return undefined;
    }
    const zoom = this.#session.zoomOf(navigatorShape({ width, height }));
    return needOf(this.#view.value.navigatorSize, { width, height }, zoom, false).request.part;
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.refresh();
    }, NAVIGATOR_PAUSE_MS);
  }

  #arrived(reply: NavigatorReply, buffers: readonly DataView[]): void {
    const { nodes } = this.#session.state;
    const shown = this.#shown();
    const of = nodeById(nodes, reply.node);
    if (!of || of.scan !== shown?.scan) {
      // Another scan is looked at by now.
      return;
    }
    const { source, scan } = of;
    try {
      if (buffers[0]) {
        const samples = samplesOf(buffers[0], "f32", reply.width * reply.height);
        this.#view.set({ navigator: { reply, samples, source, scan } });
      }
    } catch (error) {
      this.#session.report(malformed(error, reply.node));
    }
  }
}
