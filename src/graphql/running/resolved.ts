import type { ExecutionResult } from 'graphql';
import { Fault } from '../../event/faults.js';
import { Frame, type Rendered } from '../../hub/frame.js';
import type { Outlet } from '../../hub/outlet.js';
import { sameRights, type Viewer } from '../viewer.js';
import { endsWith, type Renewal, unchanged } from './renewal.js';
import { RunOnce } from './run-once.js';

/** What graphql-js makes of the source that a resolver has given. */
export type Results = AsyncGenerator<ExecutionResult, void, void>;

export interface ResolvedParts {
  /** Subscribes for this viewer. Throws Fault when it may not. */
  subscribe(viewer: Viewer): Promise<Results>;
  /** A result as frames carry it. */
  encode(result: ExecutionResult): Rendered;
  /** What clients are told of a failure of the source. */
  masked(error: unknown): Fault;
}

/**
 * A subscription by a resolver in code, pumped into its outlet one result after the other: the source is asked for the
 * next one when the outlet has drained. Its results have no cursor, and nobody shares them.
 *
 * The source was chosen by the claims of its beginning, so that a renewal which changes them subscribes anew: what is
 * published in that instant may be lost, as on this path it may be anyway.
 */
export class Resolved extends RunOnce {
  readonly isResumable = false;
  readonly gap = null;

  constructor(
    readonly field: string,
    private viewer: Viewer,
    private results: Results,
    private readonly parts: ResolvedParts,
  ) {
    super();
  }

  protected begin(outlet: Outlet): void {
    void this.#pump(outlet);
  }

  cursor(): null {
    return null;
  }

  protected leave(): void {
    letGo(this.results);
  }

  async renew(viewer: Viewer): Promise<Renewal> {
    if (sameRights(viewer, this.viewer)) return unchanged;
    try {
      const results = await this.parts.subscribe(viewer);
      return { commit: () => this.#move(viewer, results), abandon: () => letGo(results) };
    } catch (error) {
      if (!(error instanceof Fault) || error.retry) throw error;
      return endsWith(() => this.fail(error));
    }
  }

  /** Writes what one source gives until it is over or was left. A source that never answers again keeps no other waiting. */
  async #pump(outlet: Outlet): Promise<void> {
    const { results } = this;
    const isLeft = () => this.isOver || results !== this.results;
    try {
      for (;;) {
        const full = outlet.drained();
        // Room is not awaited where there is some: many a source subscribes when it is first asked, and would miss this turn.
        if (full) await full;
        const { done, value } = await results.next();
        if (isLeft()) return;
        if (done) break;
        outlet.write([new Frame(this.parts.encode(value))]);
      }
      this.end();
    } catch (error) {
      if (!isLeft()) this.fail(this.parts.masked(error));
    }
  }

  #move(viewer: Viewer, results: Results): void {
    letGo(this.isOver ? results : this.results);
    if (this.isOver) return;
    this.viewer = viewer;
    this.results = results;
    if (this.outlet) void this.#pump(this.outlet);
  }
}

/** What a source does when it is left is its own affair, and nobody waits for it. */
function letGo(results: Results): void {
  results.return().catch(() => undefined);
}
