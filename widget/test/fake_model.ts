/** An anywidget model without a notebook: traits, events, and whoever plays the kernel. */

import type { Model } from "../src/state/traits";

type Callback = (...args: never[]) => void;

export class FakeModel implements Model {
  traits: Record<string, unknown>;
  /** Everything the page sent. */
  sent: unknown[] = [];
  saves = 0;
  /** Plays the kernel: gets each message of the page. */
  kernel: ((content: unknown) => void) | null = null;
  #listeners = new Map<string, Set<Callback>>();

  constructor(traits: Record<string, unknown> = {}) {
    this.traits = traits;
  }

  get(name: string): unknown {
    return this.traits[name];
  }

  set(name: string, value: unknown): void {
    if (JSON.stringify(this.traits[name]) !== JSON.stringify(value)) {
      this.traits[name] = value;
      this.emit(`change:${name}`);
    }
  }

  on(name: string, callback: Callback): void {
    const callbacks = this.#listeners.get(name) ?? new Set();
    callbacks.add(callback);
    this.#listeners.set(name, callbacks);
  }

  off(name: string, callback: Callback): void {
    this.#listeners.get(name)?.delete(callback);
  }

  save_changes(): void {
    this.saves += 1;
  }

  send(content: unknown): void {
    this.sent.push(structuredClone(content));
    this.kernel?.(content);
  }

  /** A message of the kernel. */
  deliver(content: unknown, buffers: DataView[] = []): void {
    this.emit("msg:custom", content, buffers);
  }

  emit(name: string, ...args: unknown[]): void {
    for (const callback of this.#listeners.get(name) ?? []) {
      (callback as (...values: unknown[]) => void)(...args);
    }
  }

  get listenerCount(): number {
    return [...this.#listeners.values()].reduce((sum, callbacks) => sum + callbacks.size, 0);
  }
}
