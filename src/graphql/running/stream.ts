import { Fault } from '../../event/faults.js';
import type { Gap } from '../../event/position.js';
import type { Group, GroupPlan } from '../../hub/group.js';
import type { Groups } from '../../hub/groups.js';
import type { Outlet } from '../../hub/outlet.js';
import type { Start } from '../../hub/subscription/start.js';
import type { Subscription } from '../../hub/subscription/subscription.js';
import { LogUnavailable } from '../../log/channel-log.js';
import type { Viewer } from '../viewer.js';
import { endsWith, type Renewal, unchanged } from './renewal.js';
import { RunOnce } from './run-once.js';

export interface StreamParts {
  readonly groups: Groups;
  /** What this viewer may get of the operation. Throws Fault when that is nothing. */
  plan(viewer: Viewer): GroupPlan;
  /** Takes a seat in the group, which the subscription's `close` leaves. */
  seat(group: Group, outlet: Outlet, start: Start): Subscription;
}

/**
 * A subscription to the log. When its viewer renews the token it moves to the group of the new claims, from the very
 * place where it was.
 */
export class Stream extends RunOnce {
  readonly isResumable = true;
  readonly field: string;
  #subscription: Subscription | null = null;

  /** The stream has a claim on `group` until it starts. */
  constructor(
    private readonly parts: StreamParts,
    private group: Group,
    private readonly beginning: Start,
  ) {
    super();
    this.field = group.plan.field;
  }

  protected begin(outlet: Outlet): void {
    this.#sit(this.group, outlet, this.beginning);
  }

  cursor(): string | null {
    return this.#subscription?.cursor() ?? null;
  }

  get gap(): Gap | null {
    return this.#subscription?.gap ?? null;
  }

  protected leave(): void {
    if (this.#subscription) this.#subscription.close();
    else this.parts.groups.release(this.group);
  }

  /** Enters the new group before the old one is left: a log that cannot be reached leaves all as it was. */
  async renew(viewer: Viewer): Promise<Renewal> {
    const { groups } = this.parts;
    let next: GroupPlan;
    try {
      next = this.parts.plan(viewer);
    } catch (error) {
      if (error instanceof Fault) return endsWith(() => this.fail(error));
      throw error;
    }
    if (next.key === this.group.plan.key) return unchanged;
    try {
      const group = await groups.enter(next);
      return { commit: () => this.#move(group), abandon: () => groups.release(group) };
    } catch (error) {
      if (error instanceof LogUnavailable) throw new Fault('UNAVAILABLE', { why: 'the log cannot be reached' });
      throw error;
    }
  }

  /** Changes seats within one turn: what the old group was not yet shown, the new one reads from history. */
  #move(group: Group): void {
    const isOver = this.isOver || this.#subscription?.isClosed === true;
    if (isOver) this.parts.groups.release(group);
    else if (this.#subscription) this.#sit(group, this.outlet as Outlet, this.#subscription.handOver());
    else {
      this.parts.groups.release(this.group);
      this.group = group;
    }
  }

  #sit(group: Group, outlet: Outlet, start: Start): void {
    this.group = group;
    this.#subscription = this.parts.seat(group, outlet, start);
    this.parts.groups.release(group);
  }
}
