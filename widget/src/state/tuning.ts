/** Sends changed parameters: at most ten times a second, one at a time, the newest last. */

import type { Session } from "./session";

export const TUNING_PAUSE_MS = 100;

export class Tuning {
  #session: Session;
  #waiting: { node: number; params: Record<string, unknown> } | null = null;
  #sending = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(session: Session, signal: AbortSignal) {
    this.#session = session;
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
    await this.#session.act({ type: "set_params", ...next });
    await pause;
    this.#sending = false;
    await this.#send();
  }
}
