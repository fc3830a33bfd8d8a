import { batching } from './batching.js';

/** A value that changes often and is shown once in a frame, as `useSyncExternalStore` takes one. */
export class Snapshot<Value extends object> {
  /** What is to be shown next. */
  now: Value;
  #shown: Value;
  readonly #listeners = new Set<() => void>();
  readonly #soon: () => void;

  /** `completed` adds what is too dear to be made for each change. */
  constructor(first: Value, completed: (now: Value) => Value) {
    this.now = first;
    this.#shown = first;
    this.#soon = batching(() => {
      this.#shown = completed(this.now);
      for (const listener of [...this.#listeners]) listener();
    });
  }

  /** Shows it in the next frame. */
  change(by: Partial<Value>): void {
    this.keep(by);
    this.#soon();
  }

  /** Shows it with the next change: it is no reason to render. */
  keep(by: Partial<Value>): void {
    this.now = { ...this.now, ...by };
  }

  /** The same object until it is shown anew. */
  readonly get = (): Value => this.#shown;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };
}
