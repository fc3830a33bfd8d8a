import type { ExecutionResult } from 'graphql';
import type { Fault } from '../event/faults.js';
import { toGraphQLError } from '../graphql/render.js';

/**
 * What graphql-ws is given in place of results: it yields nothing and only ends, so that the library goes on handling
 * ids, complete and close, while prepared frames go straight to the socket. Failing it makes the library send exactly
 * one `error` message.
 */
export class Ending implements AsyncGenerator<ExecutionResult, void, void> {
  #settle: { resolve(): void; reject(error: Error): void } | null = null;
  #done: Promise<void>;

  constructor(private readonly onReturn: () => void) {
    this.#done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#done.catch(() => undefined);
  }

  fail(fault: Fault): void {
    this.#settle?.reject(toGraphQLError(fault));
  }

  async next(): Promise<IteratorResult<ExecutionResult, void>> {
    await this.#done;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<ExecutionResult, void>> {
    this.onReturn();
    this.#settle?.resolve();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<ExecutionResult, void>> {
    this.onReturn();
    this.#settle?.reject(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
