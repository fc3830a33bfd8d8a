import type { WebSocket } from 'ws';
import { Allowance } from './allowance.js';
import type { GatewayLimits } from './limits.js';
import type { SocketOutlet } from './outlet.js';

/** Bytes that are as much work as a message is. */
const each = 16_384;

/**
 * How much of what a client says is listened to: so many messages a second, and no more than it reads answers. A pong
 * that is due is none of them.
 */
export class Hearing {
  readonly #messages: Allowance;
  readonly #most: number;
  #pongsDue = 0;
  /** For how many reasons its socket is not read now. */
  #holds = 0;
  /** One of them. */
  #full: Promise<void> | null = null;

  constructor(
    private readonly webSocket: WebSocket,
    private readonly outlet: SocketOutlet,
    { messageRate, subscriptionsPerSocket }: Pick<GatewayLimits, 'messageRate' | 'subscriptionsPerSocket'>,
  ) {
    // Who comes back sends all their operations at once.
    const burst = messageRate + subscriptionsPerSocket;
    this.#messages = new Allowance(messageRate, burst);
    // Else no message that is longer than all of it would ever be heard.
    this.#most = burst / 2;
  }

  /** To be asked of each message, before it is read: false for one too many. */
  take(bytes: number): boolean {
    this.#holdBack();
    if (this.#messages.take(this.#weightOf(bytes))) return true;
    // It may be an answer that is due, which is known only when it has been read.
    if (this.#pongsDue === 0) return false;
    this.#pongsDue--;
    return true;
  }

  pinged(): void {
    this.#pongsDue++;
  }

  ponged(bytes: number): void {
    if (this.#pongsDue === 0) return;
    this.#pongsDue--;
    this.#messages.giveBack(this.#weightOf(bytes));
  }

  /** Nothing more is read from the socket until then. */
  until(then: Promise<void>): void {
    if (this.#holds++ === 0) this.webSocket.pause();
    void then.then(() => {
      if (--this.#holds === 0) this.webSocket.resume();
    });
  }

  /** Nothing more is read from the socket. */
  stop(): void {
    this.#holds = Number.POSITIVE_INFINITY;
    this.webSocket.pause();
  }

  /** A long message counts as several: parsed and answered, one of 64 KB takes as long as dozens of short ones. */
  #weightOf(bytes: number): number {
    return Math.max(1, Math.min(Math.ceil(bytes / each), this.#most));
  }

  /** Answers to a client that does not read them would pile up: it is not heard either, until its socket drains. */
  #holdBack(): void {
    const full = this.outlet.drained();
    if (!full || full === this.#full) return;
    this.#full = full;
    this.until(full);
  }
}
