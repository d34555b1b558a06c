/** Sends changed parameters: at most ten times a second, one at a time, the newest last. */

import type { Notice, Session } from "./session";

export const TUNING_PAUSE_MS = 100;

export class Tuning {
  #session: Session;
  #waiting: { node: number; params: Record<string, unknown> } | null = null;
  #sending = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What was said of a refused change; it is over with the next one that is accepted. */
  #refusal: Notice | null = null;
  #refused: () => void;

  /** `refused` is called once nothing is on its way and the last change was refused. */
  constructor(session: Session, signal: AbortSignal, refused: () => void = () => {}) {
    this.#session = session;
    this.#refused = refused;
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** Whether a change is on its way: what the kernel says meanwhile is older. */
  get busy(): boolean {
    return this.#sending || this.#waiting !== null;
  }

  set(node: number, params: Record<string, unknown>): void {
    this.#waiting = { node, params };
    if (!this.#sending) {
      void this.#send();
    }
  }

  async #send(): Promise<void> {
    const next = this.#waiting;
    if (!next) {
      return;
    }
    this.#waiting = null;
    this.#sending = true;
    const pause = new Promise<void>((resolve) => {
      this.#timer = setTimeout(resolve, TUNING_PAUSE_MS);
    });
    const { store } = this.#session;
    const accepted = (await this.#session.act({ type: "set_params", ...next })) !== null;
    if (!accepted) {
      this.#refusal = store.value.notice;
    } else if (this.#refusal !== null && store.value.notice === this.#refusal) {
      this.#refusal = null;
      store.set({ notice: null });
    }
    await pause;
    this.#sending = false;
    if (!accepted && this.#waiting === null) {
      this.#refused();
    }
    await this.#send();
  }
}
