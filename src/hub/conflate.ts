/** More keys than this waiting are shown before their time: the window is a bound for the screen, not for memory. */
const mostWaiting = 10_000;

/** The latest of each key, in the order in which they came. */
export class Latest<T> {
  readonly #items = new Map<string | symbol, T>();

  get size(): number {
    return this.#items.size;
  }

  get isFull(): boolean {
    return this.#items.size >= mostWaiting;
  }

  /** Replaces what is there under the same key; null replaces nothing. */
  put(key: string | null, item: T): void {
    const name = key ?? Symbol();
    this.#items.delete(name);
    this.#items.set(name, item);
  }

  some(test: (item: T) => boolean): boolean {
    for (const item of this.#items.values()) if (test(item)) return true;
    return false;
  }

  /** Gives out all of them, and keeps none. */
  take(): T[] {
    const items = [...this.#items.values()];
    this.#items.clear();
    return items;
  }
}

/**
 * Keeps the latest of each key, and lets all of them go together once in `every` milliseconds, in the order in which they
 * came; what comes when nothing was let go for so long goes at once. `deliver` is called with what goes, never empty.
 *
 * Together, because a cursor stands for everything before it: let go key by key, an early event of a slow key would lie
 * behind a cursor that a client already has.
 */
export function openWindow<T>(every: number, deliver: (items: readonly T[]) => void) {
  const waiting = new Latest<T>();
  let timer: NodeJS.Timeout | null = null;

  function flush() {
    if (waiting.size > 0) deliver(waiting.take());
  }

  function shut() {
    timer = setTimeout(() => {
      timer = null;
      settle();
    }, every);
    timer.unref();
  }

  function settle() {
    if (timer !== null || waiting.size === 0) return;
    flush();
    shut();
  }

  return {
    put(key: string | null, item: T) {
      waiting.put(key, item);
      if (waiting.isFull) flush();
    },
    /** Called when all that came together was put: it goes now, unless something went within the last `every` milliseconds. */
    settle,
    /** Lets go what waits, before its time. */
    flush,
    /** Drops what waits, and the timer with it: nobody is there to be shown it. */
    close() {
      if (timer !== null) clearTimeout(timer);
      waiting.take();
    },
    some: (test: (item: T) => boolean) => waiting.some(test),
    get isEmpty() {
      return waiting.size === 0;
    },
  };
}

export type Window<T> = ReturnType<typeof openWindow<T>>;
