import type { Request, Sink, Subscriber } from '../live/subscriber.js';
import { type Operation, operationOf } from '../operation.js';

interface Moved {
  /** Keeps how far it has come, and with which policy of gaps it began. */
  readonly operation: Operation;
  readonly sink: Sink;
  isReady: boolean;
  /** Where it runs now; null while there is nobody to run it. */
  on: Subscriber | null;
  leave: () => void;
}

/** Subscriptions that can be moved to another client, where they go on behind what they have brought. */
export class Moving implements Subscriber {
  readonly #all = new Set<Moved>();
  #on: Subscriber | null = null;

  subscribe(request: Request, sink: Sink): () => void {
    const moved: Moved = { operation: operationOf(request, {}), sink, isReady: false, on: null, leave: () => {} };
    this.#all.add(moved);
    this.#begin(moved);
    return () => this.#end(moved);
  }

  /** Null: the one that ran them is gone, and they wait for another. */
  move(to: Subscriber | null): void {
    this.#on = to;
    for (const moved of this.#all) this.#begin(moved);
  }

  /** Leaves all of them. */
  end(): void {
    for (const moved of [...this.#all]) {
      this.#end(moved);
      moved.sink.complete();
    }
  }

  #begin(moved: Moved) {
    const on = this.#on;
    moved.on = on;
    moved.leave = () => {};
    if (on) moved.leave = on.subscribe(moved.operation.request() as Request, this.#sink(moved, on));
  }

  #end(moved: Moved) {
    if (this.#all.delete(moved)) moved.leave();
  }

  #sink(moved: Moved, on: Subscriber): Sink {
    const { operation, sink } = moved;
    // What the one before still brings comes again from its successor.
    const mine = (tell: () => void) => moved.on === on && this.#all.has(moved) && tell();
    const last = (tell: () => void) => mine(() => this.#all.delete(moved) && tell());
    return {
      next: (result) => mine(() => sink.next(result)),
      error: (cause) => last(() => sink.error(cause)),
      complete: () => last(() => sink.complete()),
      gap: (gap) => mine(() => sink.gap?.(gap)),
      cursor: (cursor) =>
        mine(() => {
          operation.reached(cursor);
          sink.cursor?.(cursor);
        }),
      ready: () =>
        mine(() => {
          if (!moved.isReady) sink.ready?.();
          moved.isReady = true;
        }),
    };
  }
}
