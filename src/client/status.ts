import { Listeners } from './listeners.js';

/** What an indicator of a page shows. The same object until something of it changes. */
export interface Connection {
  /**
   * `connecting`: nothing that is subscribed has been live yet. `live`: events come as they happen, or nothing is
   * subscribed. `resuming`: what was live is cut off, and comes back from where it was. `offline`: the browser says that
   * it has no network.
   */
  readonly state: State;
  /** When this state began, in milliseconds since 1970. */
  readonly since: number;
  /** How many attempts have failed since it was live. */
  readonly attempt: number;
  /** Why it is not live, as far as that is known. */
  readonly reason: string | null;
}

type State = 'connecting' | 'live' | 'resuming' | 'offline';

/** An observable, as React's `useSyncExternalStore` takes one: `useSyncExternalStore(status.subscribe, () => status.current)`. */
export interface ConnectionStatus {
  readonly current: Connection;
  /** Calls the listener after each change, until what is given back is called. */
  subscribe(listener: () => void): () => void;
  /** For transports: one more connection that counts. */
  line(): Line;
}

/** What a transport tells of one connection. */
export interface Line {
  live(): void;
  lost(reason: string): void;
  /** It is not wanted any more. */
  over(): void;
}

/**
 * The state of all connections that are given it, `resumingWebSocket(options, { connection: status })`, as one. Of many
 * streams the worst that matters counts: one that comes back before one that fails to begin, and that before those that
 * are live. One that only begins beside live ones is none to tell of. With no stream left nothing is missed: `live`.
 *
 * It listens to the browser's network until `dispose()`.
 */
export function connectionStatus(): ConnectionStatus & { dispose(): void } {
  const status = new Status();
  const page = globalThis as Page;
  const until = new AbortController();
  const look = () => status.online(page.navigator?.onLine !== false);
  look();
  page.addEventListener?.('online', look, until);
  page.addEventListener?.('offline', look, until);
  return Object.assign(status, { dispose: () => until.abort() });
}

interface Page {
  readonly navigator?: { readonly onLine?: boolean };
  addEventListener?(type: string, listener: () => void, until: { signal: AbortSignal }): void;
}

interface LineState {
  readonly state: 'connecting' | 'live' | 'resuming';
  readonly attempt: number;
  readonly reason: string | null;
}

const begun: LineState = { state: 'connecting', attempt: 0, reason: null };
const live: LineState = { state: 'live', attempt: 0, reason: null };

/** Where a lost connection goes from each state. */
const whenLost = { connecting: 'connecting', live: 'resuming', resuming: 'resuming' } as const;

function gravity({ state, attempt }: LineState): number {
  if (state === 'resuming') return 3;
  if (state === 'live') return 1;
  return attempt > 0 ? 2 : 0;
}

/** The machine behind it, without a browser. */
export class Status implements ConnectionStatus {
  current: Connection = { ...begun, since: Date.now() };
  #isOnline = true;
  readonly #lines = new Map<Line, LineState>();
  readonly #listeners = new Listeners();

  readonly subscribe = this.#listeners.subscribe;

  line(): Line {
    const line: Line = {
      live: () => this.#is(line, live),
      lost: (reason) => {
        const { state, attempt } = this.#lines.get(line) ?? begun;
        this.#is(line, { state: whenLost[state], attempt: state === 'live' ? 0 : attempt + 1, reason });
      },
      over: () => {
        this.#lines.delete(line);
        this.#changed();
      },
    };
    this.#lines.set(line, begun);
    this.#changed();
    return line;
  }

  #is(line: Line, next: LineState): void {
    // A stream that its user has left breaks after that: told of it, the status would never be live again.
    if (this.#lines.has(line)) this.#lines.set(line, next);
    this.#changed();
  }

  online(isOnline: boolean): void {
    this.#isOnline = isOnline;
    this.#changed();
  }

  #changed(): void {
    const { state, attempt, reason } = this.#now();
    const { current } = this;
    if (state === current.state && attempt === current.attempt && reason === current.reason) return;
    this.current = { state, attempt, reason, since: state === current.state ? current.since : Date.now() };
    this.#listeners.tell();
  }

  #now(): Pick<Connection, 'state' | 'attempt' | 'reason'> {
    if (!this.#isOnline) return { state: 'offline', attempt: 0, reason: 'No network' };
    let worst: LineState | null = null;
    for (const line of this.#lines.values()) if (!worst || gravity(line) > gravity(worst)) worst = line;
    if (worst) return worst;
    const { state } = this.current;
    return state === 'connecting' ? begun : live;
  }
}
