import { errorOf } from '../live/failure.js';
import type { LiveClient, Request, Sink } from '../live/subscriber.js';
import type { FromPage, FromWorker, Port } from './messages.js';
import type { Places } from './places.js';

/** One page, as the worker knows it: its subscriptions are its own, on the socket of all. */
export class Tab {
  readonly #subscriptions = new Map<number, { readonly place: string | null; readonly leave: () => void }>();
  readonly #unwatch: () => void;
  readonly #asking: ((token: string | null) => void)[] = [];
  #isGone = false;

  constructor(
    private readonly port: Port<FromPage, FromWorker>,
    private readonly client: LiveClient,
    private readonly places: Places,
  ) {
    const { connection } = client;
    const tell = () => this.#say({ type: 'connection', connection: connection.current });
    this.#unwatch = connection.subscribe(tell);
    tell();
  }

  heard(message: FromPage): void {
    if (message.type === 'subscribe') this.#subscribe(message.id, message.request, message.place);
    else if (message.type === 'leave') this.#leave(message.id);
    else if (message.type === 'shown') this.#shown(message.cursors);
    else if (message.type === 'token') this.#answer(message.token);
  }

  /** How often it was asked for a token since it last answered. */
  get owes(): number {
    return this.#asking.length;
  }

  /** Its token; null where it has none, or is gone. */
  token(): Promise<string | null> {
    return new Promise((resolve) => {
      if (this.#isGone) return resolve(null);
      this.#asking.push(resolve);
      this.#say({ type: 'token' });
    });
  }

  refused(token: string): void {
    this.#say({ type: 'refused', token });
  }

  gone(): void {
    this.#isGone = true;
    this.#unwatch();
    for (const id of [...this.#subscriptions.keys()]) this.#leave(id);
    this.#answer(null);
    this.port.close();
  }

  /** All who wait: its page may hang over an earlier question for ever, and answer a later one. */
  #answer(token: string | null) {
    for (const answer of this.#asking.splice(0)) answer(token);
  }

  #say(message: FromWorker) {
    if (!this.#isGone) this.port.postMessage(message);
  }

  #subscribe(id: number, request: Request, place: string | null) {
    const asked = place === null ? request : this.places.from(place, request);
    this.#subscriptions.set(id, { place, leave: this.client.subscribe(asked, this.#sink(id, place)) });
  }

  #sink(id: number, place: string | null): Sink {
    let told: string | undefined;
    const isOver = () => this.#subscriptions.delete(id);
    return {
      next: (result) => {
        told = result.extensions?.cursor;
        this.#say({ type: 'next', id, result });
      },
      error: (cause) => {
        const errors = Array.isArray(cause) ? cause : null;
        if (isOver()) this.#say({ type: 'error', id, errors, reason: errorOf(cause).message });
      },
      complete: () => {
        if (isOver()) this.#say({ type: 'complete', id });
      },
      gap: (gap) => this.#say({ type: 'gap', id, gap }),
      // The page reads that of an event in the event itself.
      cursor: (cursor) => {
        if (cursor === told) return;
        // Where nothing was sent yet, nobody has to be shown anything first: a tab may close before it tells.
        if (place !== null && told === undefined) this.places.begins(place, cursor);
        this.#say({ type: 'cursor', id, cursor });
      },
      ready: () => this.#say({ type: 'ready', id }),
    };
  }

  #leave(id: number) {
    const subscription = this.#subscriptions.get(id);
    this.#subscriptions.delete(id);
    subscription?.leave();
  }

  #shown(cursors: readonly (readonly [id: number, cursor: string])[]) {
    for (const [id, cursor] of cursors) {
      const place = this.#subscriptions.get(id)?.place ?? null;
      if (place !== null) this.places.shown(place, cursor);
    }
  }
}
