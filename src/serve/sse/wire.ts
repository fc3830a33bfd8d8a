import type { ServerResponse } from 'node:http';
import type { Fault } from '../../event/faults.js';
import { toGraphQLError } from '../../graphql/render/render.js';
import type { Running } from '../../graphql/running/running.js';
import type { Frame } from '../../hub/frame.js';
import type { Outlet } from '../../hub/outlet.js';
import type { Connection } from '../connection/connection.js';
import type { OutletOwner } from '../connection/socket-outlet.js';
import type { LastWord, Wire } from '../connection/wire.js';
import { urlOf } from '../identity/identify.js';
import type { Redeemed } from '../identity/tickets.js';
import { commentEvent, completeEvent, cursorEvent, heartbeatEvent, resultEvent } from './events.js';
import { type EventsOut, eventsOut } from './events-out.js';

/** One stream of server-sent events, from the head of its response to its close. It carries one operation. */
export class EventsWire implements Wire, Outlet, OutletOwner {
  readonly #out: EventsOut;
  /** Whether its client asked to hear of heartbeats: a page never sees the lone id that its browser keeps. */
  readonly #isHeard: boolean;

  /** `limit` is bytes: what may wait for the client. */
  constructor(
    private readonly connection: Connection,
    private readonly response: ServerResponse,
    /** What its client has signed in by, where that was a ticket. */
    private readonly ticket: Redeemed | null,
    limit: number,
  ) {
    this.#out = eventsOut(response, limit, this);
    this.#isHeard = urlOf(response.req).searchParams.get('heartbeats') === 'true';
    // A client that goes away ends nothing by itself: only the response tells.
    response.on('close', () => connection.closed());
  }

  /** To be called once. */
  run(operation: Running): void {
    this.connection.begin('', operation);
    const cursor = operation.start(this).cursor();
    if (cursor) this.#out.write(this.#isHeard ? heartbeatEvent(cursor) : cursorEvent(cursor));
  }

  // What its operation writes.

  write(frames: readonly Frame[]): void {
    this.#out.next(frames);
  }

  drained(): Promise<void> | null {
    return this.#out.drained();
  }

  end(): void {
    this.#finish(completeEvent);
  }

  fail(fault: Fault): void {
    this.#finish(resultEvent({ errors: [toGraphQLError(fault)] }) + completeEvent);
  }

  // What its connection needs.

  get isOneWay(): boolean {
    return true;
  }

  isPaused(): boolean {
    return false;
  }

  isStuck(): boolean {
    return this.#out.isStuck();
  }

  waiting(): number {
    return this.#out.waiting();
  }

  beat(operations: Map<string, Running>): void {
    const [operation] = operations.values();
    // A lone id tells no gap: a browser that came back by it would be past one that still waits for its event.
    const cursor = operation?.gap === null ? operation.cursor() : null;
    if (this.#isHeard) this.#out.write(heartbeatEvent(cursor ?? null));
    else this.#out.write(cursor ? cursorEvent(cursor) + commentEvent : commentEvent);
    this.ticket?.holds().then(
      // The ticket is another stream's now, which has taken it over.
      (held) => held || this.#finish(''),
      // While the store cannot be asked, nobody can have taken it.
      () => undefined,
    );
  }

  silence(): void {
    this.#out.silence();
  }

  /** Without a word a browser comes back, as it shall: only one whose token counts no more is told that this was all. */
  dismiss(last: LastWord): void {
    if (last.kind === 'expelled') this.fail(last.fault);
    else this.#out.leave();
  }

  terminate(): void {
    this.response.destroy();
  }

  // What its outlet needs.

  isOpen(): boolean {
    return !this.response.writableEnded && !this.response.destroyed;
  }

  holds(): void {
    this.connection.holds();
  }

  #finish(last: string): void {
    this.connection.stop();
    this.#out.end(last);
  }
}
