import type { Fault } from '../../../src/event/faults.js';
import type { Running } from '../../../src/graphql/running/running.js';
import type { Viewer } from '../../../src/graphql/viewer.js';
import { renewAll } from '../../../src/serve/connection/renew.js';
import { turns } from '../../support/log/hostile-log.js';
import type { Ask, Field, Rights } from './case.js';
import { Reader } from './reader.js';
import type { World } from './world.js';

const viewerOf = (rights: Rights): Viewer => ({ signedIn: rights !== null, claims: rights ?? {}, expiresAt: null });

/** One connection, with a token or without, and all that is asked over it. */
export class Person {
  readonly readers: Reader[] = [];
  viewer: Viewer;
  /** False from the moment in which the token was revoked, until there is another one. */
  welcome = true;
  /** The rights there were, each with the number of events that had been produced when they began. */
  readonly #had: { readonly since: number; readonly rights: Rights }[];
  readonly #failures: string[] = [];
  #renewing = false;

  constructor(
    readonly world: World,
    rights: Rights,
  ) {
    this.viewer = viewerOf(rights);
    this.#had = [{ since: 0, rights }];
  }

  get rights(): Rights {
    return this.viewer.signedIn ? this.viewer.claims : null;
  }

  /** All rights by which an event that was produced as number `seq` may have been judged. */
  rightsSince(seq: number): readonly Rights[] {
    const begun = this.#had.findLastIndex(({ since }) => since <= seq);
    return this.#had.slice(begun).map(({ rights }) => rights);
  }

  get operations(): Map<string, Running> {
    return new Map(this.readers.flatMap(({ live }, n) => (live ? [[String(n), live]] : [])));
  }

  async ask(field: Field, ask: Ask, replica: number, cursor: string | null = null) {
    const reader = new Reader(this, field, ask, cursor);
    this.readers.push(reader);
    await reader.connect(replica);
  }

  reader(n: number): Reader | undefined {
    return this.readers[n % Math.max(1, this.readers.length)];
  }

  /** The world does not stand still meanwhile. A log that cannot be read changes nothing. */
  async renew(rights: Rights) {
    if (this.#renewing || rights === null || !this.viewer.signedIn) return;
    this.#renewing = true;
    const viewer = viewerOf(rights);
    const { world } = this;
    const person = this;
    const connection = {
      get operations() {
        return person.operations;
      },
      get viewer() {
        return viewer;
      },
      // Called in the turn from which only the new claims count.
      set viewer(now) {
        commit(now);
      },
    };
    const commit = (now: Viewer) => {
      this.viewer = now;
      this.welcome = true;
      this.#had.push({ since: world.produced.length, rights });
    };
    void renewAll(connection, viewer)
      .catch((fault: Fault) => {
        if (fault.code !== 'UNAVAILABLE') this.#failures.push(`could not renew: ${fault.message}`);
      })
      .finally(() => {
        this.#renewing = false;
      });
    await turns(2);
  }

  /** As the gateway does it: at once, all that runs. */
  revoke() {
    this.welcome = false;
    for (const reader of this.readers) reader.leave();
  }

  faults(whole: boolean): string[] {
    return [...this.#failures, ...this.readers.flatMap((reader) => reader.faults(whole))];
  }
}
