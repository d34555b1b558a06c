/** Asks for the navigation image of the shown node's scan. */

import { samplesOf } from "../protocol/buffers";
import type { Channel } from "../protocol/client";
import type { NavigatorReply } from "../protocol/generated";
import { malformed } from "./malformed";
import type { Session } from "./session";
import type { Store } from "./store";
import { nodeById } from "./tree";
import type { ViewState } from "./view";

const NAVIGATOR_PAUSE_MS = 150;

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
