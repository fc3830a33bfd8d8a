import { personOf, type Viewer } from '../../graphql/viewer.js';
import type { GatewayMetrics } from '../../observe/metrics.js';
import type { Admit, Place } from './admission.js';
import { Admittance, type Doorkeeper } from './admittance.js';
import type { FairTurns } from './fair-turns.js';
import type { GatewayLimits } from './limits.js';
import type { MutationBudget } from './mutation-budget.js';
import type { People, Person } from './people.js';
import { Room } from './room.js';

export interface PlaceParts {
  readonly limits: Pick<GatewayLimits, 'subscriptionsPerSocket' | 'roomWait'>;
  readonly people: People;
  readonly metrics: Pick<GatewayMetrics, 'waitedForRoom'>;
  readonly mutations: MutationBudget;
  readonly turns: Pick<FairTurns, 'wait'>;
  /** A connection of this address has left. */
  left(address: string): void;
}

/** Bytes of messages that may wait for room on one connection: a thousand operations of a kilobyte. */
const mostBytes = 1_048_576;

/** One connection among the others: whose it is, and which operations have room on it. */
export class TakenPlace implements Place, Doorkeeper {
  readonly #operations: Room;
  #person: Person | null = null;
  /** Operations that want to begin. Most connections have none. */
  #admittances: Set<Admittance> | null = null;
  /** Subscriptions that have begun, and not ended: each has room of its own. */
  #running = 0;
  #waiting = 0;
  #waitingBytes = 0;
  #isOver = false;
  #hasLeft = false;

  constructor(
    private readonly parts: PlaceParts,
    private readonly address: string,
  ) {
    this.#operations = new Room('subscriptionsPerSocket', parts.limits.subscriptionsPerSocket);
  }

  claim(viewer: Viewer): void {
    const name = personOf(viewer);
    // A connection that is gone meanwhile is not counted: nobody would take it off again.
    if (name !== null && !this.#isOver) this.#person = this.parts.people.join(name);
  }

  async admit(...[kind, roots]: Parameters<Admit>): Promise<void> {
    if (kind === 'mutation') await this.spend(roots);
    if (kind !== 'subscription' || this.#isOver) return;
    if (this.#person?.subscriptions.take() === false) throw this.#person.subscriptions.exceeded();
    this.#operations.take();
    this.#running++;
  }

  admittance(bytes: number): Admittance {
    const admittance = new Admittance(this, bytes);
    this.#admittances ??= new Set();
    this.#admittances.add(admittance);
    return admittance;
  }

  began(admittance: Admittance): void {
    if (this.#forget(admittance)) this.#running++;
  }

  ended(): void {
    if (this.#running === 0) return;
    this.#running--;
    this.#operations.leave();
    this.#person?.subscriptions.leave();
  }

  waiting(): number {
    return this.#waitingBytes;
  }

  clear(): void {
    this.#isOver = true;
    // Who waits goes first: the room that the others leave would open what nobody hears any more.
    for (const admittance of this.#admittances ?? []) admittance.giveUp();
    for (const admittance of this.#admittances ?? []) admittance.leave();
    this.#person?.subscriptions.leave(this.#running);
    this.#running = 0;
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.clear();
    this.parts.left(this.address);
    if (this.#person) this.parts.people.leave(this.#person);
  }

  // What its admittances need.

  roomsFor(kind: Parameters<Admit>[0]): readonly Room[] {
    if (this.#isOver) return [];
    return kind === 'subscription' && this.#person
      ? [this.#operations, this.#person.subscriptions]
      : [this.#operations];
  }

  patience({ bytes }: Admittance): number {
    const { subscriptionsPerSocket, roomWait } = this.parts.limits;
    const fits = this.#waiting < subscriptionsPerSocket && this.#waitingBytes + bytes <= mostBytes;
    return fits ? roomWait : 0;
  }

  waits({ bytes }: Admittance, { limit }: Room): void {
    this.#waiting++;
    this.#waitingBytes += bytes;
    this.parts.metrics.waitedForRoom(limit);
  }

  waited({ bytes }: Admittance): void {
    this.#waiting--;
    this.#waitingBytes -= bytes;
  }

  turn(): Promise<void> | null {
    return this.parts.turns.wait(this.address);
  }

  left(admittance: Admittance): void {
    this.#forget(admittance);
  }

  spend(roots: number): Promise<void> {
    return this.parts.mutations.spend(this.#person?.name ?? this.address, roots);
  }

  #forget(admittance: Admittance): boolean {
    const wasHere = this.#admittances?.delete(admittance) ?? false;
    if (this.#admittances?.size === 0) this.#admittances = null;
    return wasHere;
  }
}
