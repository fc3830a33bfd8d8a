import { Listeners } from '../listeners.js';
import type { LiveClient } from '../live/subscriber.js';
import type { Connection } from '../status.js';

/** The state of a connection that somebody else has. */
export class Mirror {
  current: Connection = { state: 'connecting', since: Date.now(), attempt: 0, reason: null };
  readonly #listeners = new Listeners();

  readonly subscribe = this.#listeners.subscribe;

  show(connection: Connection): void {
    this.current = connection;
    this.#listeners.tell();
  }

  follow(status: LiveClient['connection']): void {
    const look = () => this.show(status.current);
    status.subscribe(look);
    look();
  }
}
