import type { ExecutionResult } from 'graphql';
import type { Fault } from '../../event/faults.js';
import { toGraphQLError } from '../../graphql/render/render.js';
import type { Running } from '../../graphql/running/running.js';
import type { Frame } from '../../hub/frame.js';
import type { Outlet } from '../../hub/outlet.js';
import { idBytes } from './next-messages.js';
import type { WebSocketWire } from './wire.js';

type Ended = IteratorResult<ExecutionResult, void>;

const done: Ended = { done: true, value: undefined };

/**
 * An operation's way to its socket, and what graphql-ws is given in place of results: it yields nothing and only ends, so
 * that the library goes on handling ids, complete and close, while prepared frames go straight to the socket. Failing it
 * makes the library send exactly one `error` message. No async functions: each would keep a frame and two promises for
 * every idle subscription.
 */
export class OperationOutlet implements Outlet, AsyncGenerator<ExecutionResult, void, void> {
  readonly #idBytes: Uint8Array;
  #error: Error | null = null;
  #isOver = false;
  #waiting: { resolve(ended: Ended): void; reject(error: Error): void } | null = null;

  constructor(
    private readonly wire: WebSocketWire,
    private readonly id: string,
    private readonly running: Running,
  ) {
    this.#idBytes = idBytes(id);
  }

  // What the operation writes.

  write(frames: readonly Frame[]): void {
    this.wire.next(frames, this.#idBytes);
  }

  drained(): Promise<void> | null {
    return this.wire.drained();
  }

  end(): void {
    this.#end(null);
  }

  fail(fault: Fault): void {
    this.#end(toGraphQLError(fault));
  }

  // What the library asks. It leaves when the client has completed the operation or the socket is closed, perhaps twice.

  next(): Promise<Ended> {
    if (this.#error) return Promise.reject(this.#error);
    if (this.#isOver) return Promise.resolve(done);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<Ended> {
    this.running.close();
    this.#end(null);
    return Promise.resolve(done);
  }

  throw(error: unknown): Promise<Ended> {
    this.running.close();
    this.#end(error instanceof Error ? error : new Error(String(error)));
    return Promise.reject(error);
  }

  #end(error: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.wire.connection.left(this.id, this.running);
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
