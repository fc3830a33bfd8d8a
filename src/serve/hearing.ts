import type { WebSocket } from 'ws';
import { Allowance } from './allowance.js';
import type { GatewayLimits } from './limits.js';
import type { SocketOutlet } from './outlet.js';

/**
 * How much of what a client says is listened to: so many messages a second, and no more than it reads answers. A pong
 * that is due is none of them.
 */
export class Hearing {
  readonly #messages: Allowance;
  #pongsDue = 0;

  constructor(
    private readonly webSocket: WebSocket,
    private readonly outlet: SocketOutlet,
    { messageRate, subscriptionsPerSocket }: Pick<GatewayLimits, 'messageRate' | 'subscriptionsPerSocket'>,
  ) {
    // Who comes back sends all their operations at once.
    this.#messages = new Allowance(messageRate, messageRate + subscriptionsPerSocket);
  }

  /** To be asked of each message, before it is read: false for one too many. */
  take(): boolean {
    this.#holdBack();
    if (this.#messages.take()) return true;
    // It may be an answer that is due, which is known only when it has been read.
    if (this.#pongsDue === 0) return false;
    this.#pongsDue--;
    return true;
  }

  pinged(): void {
    this.#pongsDue++;
  }

  ponged(): void {
    if (this.#pongsDue === 0) return;
    this.#pongsDue--;
    this.#messages.giveBack();
  }

  /** Answers to a client that does not read them would pile up: it is not heard either, until its socket drains. */
  #holdBack(): void {
    const { webSocket } = this;
    const full = this.outlet.drained();
    if (!full || webSocket.isPaused) return;
    webSocket.pause();
    void full.then(() => webSocket.resume());
  }
}
