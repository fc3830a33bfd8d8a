/** How a row of an event is called: by a field of it, or by a function. */
type Key<Event> = string | ((event: Event) => unknown);

export interface Keeping<Event> {
  /** How many events are kept; with `key`, how many rows. Default 100, and with `key` all. */
  readonly keep?: number | undefined;
  /** Events of the same key are one row, which shows the latest of them at the place where the first one stood. */
  readonly key?: Key<Event> | undefined;
}

/** As many cursors are remembered: a repeat can only come from behind the place where a subscription began again. */
const remembered = 256;

/** Events of one subscription, as a page shows them. Pure: it knows nothing of sockets and of React. */
export class Gathering<Event> {
  readonly #keep: number;
  readonly #nameOf: (event: Event) => unknown;
  /** In the order in which they are shown. */
  readonly #rows = new Map<unknown, Event>();
  /** Names of rows, in the order of their latest events. */
  readonly #recent = new Set<unknown>();
  readonly #cursors = new Set<string>();

  constructor({ key, keep = key === undefined ? 100 : Number.POSITIVE_INFINITY }: Keeping<Event>) {
    this.#keep = keep;
    this.#nameOf = typeof key === 'string' ? (event) => (event as Record<string, unknown>)[key] : (key ?? (() => null));
  }

  /** Takes an event; gives false for one that is there already. Where it has no key, it is a row of its own. */
  take(event: Event, cursor?: string): boolean {
    if (cursor !== undefined && !this.#isNew(cursor)) return false;
    const name = this.#nameOf(event) ?? Symbol();
    this.#rows.set(name, event);
    this.#recent.delete(name);
    this.#recent.add(name);
    if (this.#rows.size > this.#keep) this.#dropStalest();
    return true;
  }

  /** What is shown now, in a new array. */
  rows(): Event[] {
    return [...this.#rows.values()];
  }

  /** Forgets all rows. What comes again after that is still known as a repeat. */
  clear(): void {
    this.#rows.clear();
    this.#recent.clear();
  }

  #dropStalest() {
    const [stalest] = this.#recent;
    this.#recent.delete(stalest);
    this.#rows.delete(stalest);
  }

  #isNew(cursor: string): boolean {
    if (this.#cursors.has(cursor)) return false;
    this.#cursors.add(cursor);
    if (this.#cursors.size > remembered) {
      const [oldest] = this.#cursors;
      this.#cursors.delete(oldest as string);
    }
    return true;
  }
}
