import type { FormattedExecutionResult } from 'graphql';
import { Fault } from '../../event/faults.js';
import { type Results, toGraphQLError } from '../render/render.js';
import { sameRights, type Viewer } from '../viewer.js';
import { endsWith, type Renewable, type Renewal, unchanged } from './renewal.js';

/**
 * A subscription by a resolver in code. Its source was chosen by the claims of its beginning, so that a renewal which
 * changes them subscribes anew: what is published in that instant may be lost, as on this path it may be anyway.
 */
export class Resolved implements Renewable, AsyncGenerator<FormattedExecutionResult, void, void> {
  readonly kind = 'iterable';
  /** Wakes a `next` that waits for a source which is over. */
  #interrupt = () => {};
  #fault: Fault | null = null;
  #closed = false;
  /** Called once, when it ends: by itself, by a failure or by being left. */
  onEnd: () => void = () => {};

  constructor(
    readonly field: string,
    private viewer: Viewer,
    private results: Results,
    /** Subscribes for this viewer. Throws Fault when it may not. */
    private readonly subscribe: (viewer: Viewer) => Promise<Results>,
  ) {}

  async renew(viewer: Viewer): Promise<Renewal> {
    if (sameRights(viewer, this.viewer)) return unchanged;
    try {
      const results = await this.subscribe(viewer);
      return { commit: () => this.#move(viewer, results), abandon: () => void results.return() };
    } catch (error) {
      if (!(error instanceof Fault) || error.retry) throw error;
      return endsWith(() => {
        this.#fault = error;
        this.#leave();
      });
    }
  }

  async next(): Promise<IteratorResult<FormattedExecutionResult, void>> {
    try {
      const result = await this.#next();
      if (result.done) this.#end();
      return result;
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<FormattedExecutionResult, void>> {
    this.#end();
    this.#leave();
    return { done: true, value: undefined };
  }

  throw(error: unknown): Promise<IteratorResult<FormattedExecutionResult, void>> {
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #next(): Promise<IteratorResult<FormattedExecutionResult, void>> {
    for (;;) {
      if (this.#fault) throw toGraphQLError(this.#fault);
      if (this.#closed) return { done: true, value: undefined };
      const { results } = this;
      // Not by a race with one promise for all events: it would remember each of them.
      const result = await new Promise<IteratorResult<FormattedExecutionResult, void> | null>((resolve, reject) => {
        this.#interrupt = () => resolve(null);
        results.next().then(resolve, reject);
      });
      if (result && results === this.results && !this.#fault) return result;
    }
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onEnd();
  }

  #move(viewer: Viewer, results: Results): void {
    if (this.#closed) return void results.return();
    this.#leave();
    this.viewer = viewer;
    this.results = results;
  }

  /** What the source does when it is left is its own affair, and nobody waits for it. */
  #leave(): void {
    this.results.return().catch(() => undefined);
    this.#interrupt();
  }
}
