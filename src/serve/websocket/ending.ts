import type { ExecutionResult } from 'graphql';
import type { Fault } from '../../event/faults.js';
import { toGraphQLError } from '../../graphql/render/render.js';

type Ended = IteratorResult<ExecutionResult, void>;

const done: Ended = { done: true, value: undefined };

/**
 * What graphql-ws is given in place of results: it yields nothing and only ends, so that the library goes on handling
 * ids, complete and close, while prepared frames go straight to the socket. Failing it makes the library send exactly
 * one `error` message. No async functions: each would keep a frame and two promises for every idle subscription.
 */
export abstract class Ending implements AsyncGenerator<ExecutionResult, void, void> {
  #error: Error | null = null;
  #isOver = false;
  #waiting: { resolve(ended: Ended): void; reject(error: Error): void } | null = null;

  /** The library gives it up: the client has completed it, or its socket is closed. May be called again. */
  protected abstract left(): void;

  fail(fault: Fault): void {
    this.#end(toGraphQLError(fault));
  }

  next(): Promise<Ended> {
    if (this.#error) return Promise.reject(this.#error);
    if (this.#isOver) return Promise.resolve(done);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<Ended> {
    this.left();
    this.#end(null);
    return Promise.resolve(done);
  }

  throw(error: unknown): Promise<Ended> {
    this.left();
    this.#end(error instanceof Error ? error : new Error(String(error)));
    return Promise.reject(error);
  }

  #end(error: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    if (error) this.#waiting?.reject(error);
    else this.#waiting?.resolve(done);
    this.#waiting = null;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
