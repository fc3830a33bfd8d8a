import type { LiveClient } from '../live/subscriber.js';
import type { Connection } from '../status.js';

/** The state of a connection that somebody else has. */
export class Mirror {
  current: Connection = { state: 'connecting', since: Date.now(), attempt: 0, reason: null };
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    const own = () => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  };

  show(connection: Connection): void {
    this.current = connection;
    for (const listener of [...this.#listeners]) listener();
  }

  follow(status: LiveClient['connection']): void {
    const look = () => this.show(status.current);
    status.subscribe(look);
    look();
  }
}
