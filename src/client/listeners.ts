/** Who is told of changes, as `useSyncExternalStore` wants to be. */
export class Listeners {
  readonly #all = new Set<() => void>();

  /** Calls the listener after each change, until what is given back is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    // Of a function that is given twice each is called, and ends by itself.
    const own = () => listener();
    this.#all.add(own);
    return () => void this.#all.delete(own);
  };

  tell(): void {
    for (const listener of [...this.#all]) listener();
  }
}
