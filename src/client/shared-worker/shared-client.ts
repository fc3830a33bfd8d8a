import { complete, type LiveClient, type Subscriber } from '../live/subscriber.js';
import type { Connection } from '../status.js';
import type { TokenSource } from '../token-source.js';
import { pause } from '../waking.js';
import { held, type Locks, webLocks, whenGone } from './lifetime.js';
import type { FromPage, FromWorker, Port } from './messages.js';
import { Mirror } from './mirror.js';
import { Moving } from './moving.js';
import { placeOf } from './places.js';
import { type Placed, WorkerLine } from './worker-line.js';

type PagePort = Port<FromWorker, FromPage>;

/** A browser's SharedWorker, as far as it is used here. */
export interface SharedWorkerLike {
  readonly port: object;
  onerror: unknown;
}

export interface SharedOptions {
  /** Makes the worker: `() => new SharedWorker(new URL('./events-worker.js', import.meta.url), { type: 'module' })`. */
  readonly worker: () => SharedWorkerLike;
  /** The client that this page has by itself where there is no such worker, or it does not start. */
  readonly alone: () => LiveClient;
  /** Who is signed in, by any name: pages of one viewer share a socket, those of two never. */
  readonly viewer: string;
  /** Gives the worker a token, without `Bearer`, when it asks this page for one. A source is told which were refused. */
  readonly token?: TokenSource | (() => Promise<string> | string) | undefined;
  /**
   * True: a subscription begins where the pages of this viewer have come with the same one, and not at now. Then nothing is
   * missed between a page that closed and the next one, as long as the worker lives. One that says itself where it begins does so.
   */
  readonly goesOn?: boolean | undefined;
}

/** Milliseconds in which a worker has to answer: it may have thrown while it started, which no event tells. */
const patience = 10_000;

/**
 * A client whose subscriptions run in a SharedWorker, over one socket for all tabs. Each tab has its own, with every event
 * once. A worker that dies is started again, and they go on where they were.
 */
export function sharedClient(options: SharedOptions): LiveClient {
  const locks = webLocks();
  const hasWorkers = 'SharedWorker' in globalThis;
  return hasWorkers && locks ? new SharedClient(options, locks) : options.alone();
}

class SharedClient implements LiveClient {
  readonly connection = new Mirror();
  readonly #moving = new Moving();
  readonly #own: ReturnType<typeof held>;
  #port: PagePort | null = null;
  #alone: LiveClient | null = null;
  #isDisposed = false;
  /** Workers that died since one has brought something. */
  #failed = 0;

  constructor(
    private readonly options: SharedOptions,
    private readonly locks: Locks,
  ) {
    this.#own = held(locks, 'tab');
    void this.#begin();
  }

  subscribe(request: Placed, sink: Parameters<Subscriber['subscribe']>[1]): () => void {
    if (this.#isDisposed) return complete(sink);
    const place = this.options.goesOn ? placeOf(request) : null;
    // As it is sent in the end. A port refuses what cannot be cloned, and with it all that is moved to a worker behind it.
    return this.#moving.subscribe(JSON.parse(JSON.stringify({ ...request, place })), sink);
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#moving.end();
    this.#alone?.dispose();
    this.#port?.close();
    // The worker takes this page for gone.
    void this.#own.then(({ release }) => release());
  }

  async #begin() {
    const { name } = await this.#own;
    if (this.#isDisposed) return;
    try {
      const worker = this.options.worker();
      const port = worker.port as PagePort;
      worker.onerror = () => this.#goAlone(port);
      this.#greet(port, name);
    } catch {
      this.#goAlone(null);
    }
  }

  #greet(port: PagePort, lock: string) {
    this.#port = port;
    const line = new WorkerLine(port);
    const timer = setTimeout(() => this.#goAlone(port), patience);
    port.onmessage = ({ data }) => {
      if (data.type === 'token') void this.#tellToken(port);
      else if (data.type === 'refused') this.#refused(data.token);
      else if (data.type === 'connection') this.connection.show(data.connection);
      else if (data.type === 'welcome') {
        clearTimeout(timer);
        whenGone(this.locks, data.lock, () => void this.#lost(port));
        this.#moving.move(line);
      } else {
        this.#failed = 0;
        line.heard(data);
      }
    };
    port.postMessage({ type: 'hello', viewer: this.options.viewer, lock });
  }

  async #lost(port: PagePort) {
    if (this.#isDisposed || this.#port !== port) return;
    this.#port = null;
    this.#moving.move(null);
    this.connection.show(lost());
    await pause(this.#failed++);
    void this.#begin();
  }

  /** For good. The worker, should it be there after all, takes this page for gone. */
  #goAlone(port: PagePort | null) {
    if (this.#isDisposed || this.#port !== port) return;
    port?.close();
    this.#port = null;
    void this.#own.then(({ release }) => release());
    const alone = this.options.alone();
    this.#alone = alone;
    this.connection.follow(alone.connection);
    this.#moving.move({ subscribe: ({ place, ...request }: Placed, sink) => alone.subscribe(request, sink) });
  }

  #refused(token: string) {
    const source = this.options.token;
    if (source && 'refused' in source) source.refused(token);
  }

  async #tellToken(port: PagePort) {
    const ask = async () => this.options.token?.();
    const token = await ask().catch(() => undefined);
    port.postMessage({ type: 'token', token: token ?? null });
  }
}

const lost = (): Connection => ({ state: 'resuming', since: Date.now(), attempt: 0, reason: 'The worker is gone' });
