/** Asks for the navigation image of the shown node's scan. */

import { needOf } from "../geometry/asked";
import type { Region, Size } from "../geometry/fit";
import { samplesOf } from "../protocol/buffers";
import type { Channel } from "../protocol/client";
import type { NavigatorReply, NodeDescription } from "../protocol/generated";
import { malformed } from "./malformed";
import type { Session } from "./session";
import type { Store } from "./store";
import { hasNavigator, nodeById } from "./tree";
import type { ViewState } from "./view";

const NAVIGATOR_PAUSE_MS = 150;
/** Scans of no more rows and columns are sent whole, position by position. */
const WHOLE_POSITIONS = 1024;

/** The name under which the navigation image of a scan is zoomed: of its own beside maps of the same shape. */
export function navigatorShape({ width, height }: Size): string {
  return `navigator:${width}x${height}`;
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
    session.store.on(["node", "nodes", "connection", "position"], () => this.refresh(), signal);
    session.store.on(["navigators"], () => this.#later(), signal);
    session.store.on(["zoom"], () => this.refresh(), signal);
    view.on(["visible", "navigatorSize"], () => this.refresh(), signal);
    signal.addEventListener("abort", () => {
      clearTimeout(this.#timer);
      this.#channel.close();
    });
  }

  /** Asks when the scan is another one, the position of its slower axes is, its image became better, or another part is seen. */
  refresh(): void {
    const { node } = this.#session;
    const { connection, navigators, nodes } = this.#session.state;
    if (!node || connection !== "live" || !this.#view.value.visible || !hasNavigator(nodes, node)) {
      return;
    }
    const index = this.#session.positionIn(node);
    const part = this.#part(node);
    const seen = part ? `${part.x0},${part.y0},${part.width},${part.height}` : "";
    const wanted = `${node.source}:${index.slice(0, -2)}:${navigators[node.source] ?? 0}:${seen}`;
    if (wanted !== this.#asked) {
      this.#asked = wanted;
      this.#channel.want({ type: "navigator", node: node.id, index, ...(part && { part }) });
    }
  }

  #part({ navigation_axes }: NodeDescription): Region | undefined {
    const [height, width] = [navigation_axes.at(-2)?.size ?? 1, navigation_axes.at(-1)?.size ?? 1];
    if (Math.min(width, height) === 1 || Math.max(width, height) <= WHOLE_POSITIONS) {
      return undefined;
    }
    const zoom = this.#session.zoomOf(navigatorShape({ width, height }));
    return needOf(this.#view.value.navigatorSize, { width, height }, zoom, false).asked.part;
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.refresh();
    }, NAVIGATOR_PAUSE_MS);
  }

  #arrived(reply: NavigatorReply, buffers: readonly DataView[]): void {
    const source = nodeById(this.#session.state.nodes, reply.node)?.source;
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
