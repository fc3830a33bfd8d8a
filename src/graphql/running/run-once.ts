import type { Fault } from '../../event/faults.js';
import type { Gap } from '../../event/position.js';
import type { Outlet } from '../../hub/outlet.js';
import type { Viewer } from '../viewer.js';
import type { Renewal } from './renewal.js';
import type { Running } from './running.js';

/**
 * The life that is the same for whatever runs: it begins at most once, and is over once. A refusal that a renewal finds
 * before the beginning is told at the beginning, when there is somebody to tell it to.
 */
export abstract class RunOnce implements Running {
  readonly kind = 'running';
  abstract readonly field: string;
  abstract readonly isResumable: boolean;
  abstract readonly gap: Gap | null;
  #outlet: Outlet | null = null;
  #refused: Fault | null = null;
  #isOver = false;

  abstract cursor(): string | null;
  abstract renew(viewer: Viewer): Promise<Renewal>;
  /** Called at most once. */
  protected abstract begin(outlet: Outlet): void;
  /** Gives back whatever it runs by. Called at most once, also where it has not begun. */
  protected abstract leave(): void;

  start(outlet: Outlet): this {
    if (this.#isOver) return this;
    this.#outlet = outlet;
    if (this.#refused) this.fail(this.#refused);
    else this.begin(outlet);
    return this;
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.leave();
  }

  /** Null until it begins. */
  protected get outlet(): Outlet | null {
    return this.#outlet;
  }

  protected get isOver(): boolean {
    return this.#isOver;
  }

  /** Its source has nothing more, and needs not be left. */
  protected end(): void {
    this.#isOver = true;
    this.#outlet?.end();
  }

  protected fail(fault: Fault): void {
    if (this.#isOver) return;
    this.#refused = fault;
    if (!this.#outlet) return;
    this.close();
    this.#outlet.fail(fault);
  }
}
