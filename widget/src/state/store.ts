/** Observable record: the one kind of state in the viewer. */
export class Store<T extends object> {
  #value: T;
  #listeners = new Set<{ keys: ReadonlySet<keyof T>; run: () => void }>();

  constructor(initial: T) {
    this.#value = { ...initial };
  }

  get value(): Readonly<T> {
    return this.#value;
  }

  /** Changes some fields, then tells the listeners of those that differ. */
  set(patch: Partial<T>): void {
    const changed = new Set<keyof T>();
    for (const key of Object.keys(patch) as (keyof T)[]) {
      if (!Object.is(this.#value[key], patch[key])) {
        changed.add(key);
      }
    }
    if (changed.size === 0) {
      return;
    }
    this.#value = { ...this.#value, ...patch };
    for (const listener of [...this.#listeners]) {
      if ([...changed].some((key) => listener.keys.has(key))) {
        listener.run();
      }
    }
  }

  /** Runs `run` after a change of one of `keys`, until `signal` is aborted. */
  on(keys: readonly (keyof T)[], run: () => void, signal: AbortSignal): void {
    if (signal.aborted) {
      return;
    }
    const listener = { keys: new Set(keys), run };
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /** Number of listeners, for the tests of cleanup. */
  get listenerCount(): number {
    return this.#listeners.size;
  }
}
