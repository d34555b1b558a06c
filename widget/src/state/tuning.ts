/**
 * Changes of parameters. While a control is held they are only tried: the pictures show them, the
 * tree does not have them. Let go, they are the node's, in one step of its history.
 */

import { isDetector } from "./detector";
import type { Notice, Session } from "./session";
import type { Store } from "./store";
import { nodeById, operationOf } from "./tree";
import type { ViewState } from "./view";

export class Tuning {
  #session: Session;
  #view: Store<ViewState>;
  #waiting: { node: number; params: Record<string, unknown> } | null = null;
  #sending = false;
  /** What was said of a refused change; it is over with the next one that is accepted. */
  #refusal: Notice | null = null;
  #refused: (params: Record<string, unknown>) => void;

  /** `refused` is called with the parameters once nothing is on its way and the last change was refused. */
  constructor(
    session: Session,
    view: Store<ViewState>,
    refused: (params: Record<string, unknown>) => void = () => {},
  ) {
    this.#session = session;
    this.#view = view;
    this.#refused = refused;
  }

  /** Whether a change is on its way: what the kernel says meanwhile is older. */
  get busy(): boolean {
    return this.#sending || this.#waiting !== null || this.#view.value.draft !== null;
  }

  /** Shows parameters without keeping them. A whole map is computed for kept ones only. */
  attempt(node: number, params: Record<string, unknown>): void {
    const { nodes, operations } = this.#session.state;
    const tuned = nodeById(nodes, node);
    if (tuned?.kind !== "map" || isDetector(operationOf(tuned, operations))) {
      this.#view.set({ draft: { node, params } });
    }
  }

  /** Keeps parameters: one change at a time, the newest last. */
  commit(node: number, params: Record<string, unknown>): void {
    this.attempt(node, params);
    this.#waiting = { node, params };
    if (!this.#sending) {
      void this.#send();
    }
  }

  /** Whether what was said of a refused change stands still. */
  get refused(): boolean {
    return this.#refusal !== null && this.#session.state.notice === this.#refusal;
  }

  /** Takes back what was said of a refused change. */
  forgive(): void {
    if (this.refused) {
      this.#session.store.set({ notice: null });
    }
    this.#refusal = null;
  }

  async #send(): Promise<void> {
    const next = this.#waiting;
    if (!next) {
      return;
    }
    this.#waiting = null;
    this.#sending = true;
    const { store } = this.#session;
    const accepted = await this.#session.commit(next.node, next.params);
    if (!accepted) {
      this.#refusal = store.value.notice;
    } else {
      this.forgive();
    }
    this.#sending = false;
    if (!accepted && this.#waiting === null) {
      this.#refused(next.params);
    }
    await this.#send();
  }
}
