import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import type { SocketOutlet } from '../connection/socket-outlet.js';
import { Allowance } from '../limits/allowance.js';
import type { GatewayLimits } from '../limits/limits.js';
import { Backlog } from './backlog.js';
import { Lateness } from './lateness.js';

/** Bytes that are as much work as a message is. */
const each = 16_384;

/**
 * Milliseconds that honest clients may need until all that they said is heard: what ten times the rate for a minute takes.
 */
const patience = 600_000;

/** Bytes that may wait beside a message: what a socket had in memory when it was paused, and many times that compressed. */
const mostWaiting = 1_048_576;

/** Milliseconds after which a socket that waits is looked at: it may have closed. */
const look = 1_000;

/** Whose messages they are. */
export interface HearingOwner {
  isOpen(): boolean;
  /** As `FairTurns.wait`. */
  turn(): Promise<void> | null;
  /** Takes one message after the other, in the order in which they came. */
  hear(message: Buffer): void;
  /** The client said more than its rate, and is read more slowly. */
  slowed(): void;
  /** Something waits to be heard. */
  holds(): void;
  /** The client says more than anybody honest would: for a minute, as much as `rate` messages a second. Nothing more is heard. */
  flooded(rate: number): void;
}

/**
 * How fast a client is listened to: so many messages a second, each in its turn, and no faster than it reads answers. Who
 * says more is not read meanwhile, so that TCP makes them wait: it is a busy page far more often than an enemy. A pong that
 * is due is no message.
 */
export class Hearing {
  readonly #messages: Allowance;
  readonly #most: number;
  #pongsDue = 0;
  /** Messages that the socket had in memory when it was paused. Null while it is read, as most sockets are. */
  #late: Backlog | null = null;
  /** What those count. */
  #due = 0;
  /** How late its messages are; from when it was first too fast. */
  #lateness: Lateness | null = null;
  #isStopped = false;

  constructor(
    private readonly webSocket: WebSocket,
    private readonly outlet: SocketOutlet,
    private readonly owner: HearingOwner,
    private readonly limits: Pick<GatewayLimits, 'messageBytes' | 'messageRate' | 'subscriptionsPerSocket'>,
  ) {
    // Who comes back sends all their operations at once.
    const burst = limits.messageRate + limits.subscriptionsPerSocket;
    this.#messages = new Allowance(limits.messageRate, burst);
    // A message counts no more than this: one that counts more than the burst would never be heard.
    this.#most = burst / 2;
  }

  /** Hands a message to its owner: now, or in its turn. */
  message(data: Buffer): void {
    if (this.#isStopped) return;
    if (this.#late) this.#wait(data, this.#late);
    else if (this.outlet.drained() || !this.#messages.take(this.#weightOf(data.length)))
      this.#wait(data, this.#pause(null));
    else {
      const turn = this.owner.turn();
      if (turn) this.#pause(turn.then(() => this.owner.hear(data)));
      else this.owner.hear(data);
    }
  }

  /** A frame that cannot wait, as a ping of WebSocket itself: what comes behind it waits for longer. */
  frame(bytes = 0): void {
    if (this.#isStopped) return;
    this.#messages.owe(this.#weightOf(bytes));
    if (this.#messages.until(0) === 0) return;
    if (!this.#late) this.#pause(null);
    this.#bound();
  }

  /** Counts a pong, which says no more than that someone is there. */
  pong(bytes: number): void {
    if (this.#pongsDue === 0) this.frame(bytes);
    else this.#pongsDue--;
  }

  pinged(): void {
    this.#pongsDue++;
  }

  /** A message that was heard has turned out to be a pong. */
  ponged(): void {
    if (this.#pongsDue === 0) return;
    this.#pongsDue--;
    this.#messages.giveBack();
  }

  /** Bytes that wait to be heard. */
  waiting(): number {
    return this.#late?.bytes ?? 0;
  }

  /** True while the socket is not read: whatever its client has said meanwhile is not known. */
  isPaused(): boolean {
    return this.#late !== null;
  }

  /** Nothing more is read from the socket. */
  stop(): void {
    this.#isStopped = true;
    this.webSocket.pause();
  }

  /** A long message counts as several: parsed and answered, one of 64 KB takes as long as dozens of short ones. */
  #weightOf(bytes: number): number {
    return Math.max(1, Math.min(Math.ceil(bytes / each), this.#most));
  }

  #wait(data: Buffer, late: Backlog): void {
    late.push(data);
    this.#due += this.#weightOf(data.length);
    this.owner.holds();
    this.#bound();
  }

  #pause(before: Promise<void> | null): Backlog {
    const late = new Backlog();
    this.#late = late;
    this.webSocket.pause();
    void this.#catchUp(before, late);
    return late;
  }

  async #catchUp(before: Promise<void> | null, late: Backlog): Promise<void> {
    await before;
    while (this.#isHeard() && (late.bytes > 0 || this.#messages.until(0) > 0)) {
      // Answers to a client that does not read them would pile up.
      await this.outlet.drained();
      const next = late.shift();
      await this.#afford(next ? this.#weightOf(next.length) : 0);
      if (!next) continue;
      this.#due -= this.#weightOf(next.length);
      await this.owner.turn();
      if (this.#isHeard()) this.owner.hear(next);
    }
    this.#late = null;
    this.#due = 0;
    // A socket that closes is read again, too: its last word is still to come.
    if (!this.#isStopped) this.webSocket.resume();
  }

  async #afford(count: number): Promise<void> {
    if (this.#messages.take(count)) return;
    this.#lateness ??= new Lateness();
    if (this.#lateness.sum() === 0) this.owner.slowed();
    this.#lateness.set(true);
    do await sleep(Math.min(this.#messages.until(count), look), undefined, { ref: false });
    while (this.#isHeard() && !this.#messages.take(count));
    this.#lateness.set(false);
  }

  #bound(): void {
    const { messageBytes, messageRate } = this.limits;
    const late = (this.#lateness?.sum() ?? 0) + this.#messages.until(this.#due);
    if (late <= patience && this.waiting() <= messageBytes + mostWaiting) return;
    this.owner.flooded(Math.max(messageRate + 1, Math.ceil((messageRate * late) / 60_000)));
  }

  #isHeard(): boolean {
    return !this.#isStopped && this.owner.isOpen();
  }
}
