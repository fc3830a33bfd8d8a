import type { Moment } from '../event/position.js';
import type { SourceGap } from '../event/publication.js';
import type { SourcePartition } from '../event/source-event.js';
import type { AppendAnswer, ChannelLogWriter, PartitionState } from '../log/channel-log.js';
import type { RelayMetrics } from '../observe/metrics.js';
import type { Renewing } from './placement/change.js';
import { lossAfter } from './placement/loss.js';
import type { Memory } from './placement/memory.js';
import type { Opening } from './placement/placement.js';
import { type Accepted, Refused } from './refused.js';

export interface WriterParts {
  readonly source: SourcePartition;
  /** The ids of the routes by which entries find their channels, sorted. */
  readonly routes: readonly string[];
  readonly fingerprint: string;
  readonly log: Pick<ChannelLogWriter, 'append' | 'renew'>;
  readonly metrics: RelayMetrics;
}

/**
 * The log as one partition writes it. Each mark says what was told before it, and what it tells is remembered.
 * Both calls throw Refused where the log has another state than the caller believes, and LogUnavailable.
 */
export class PartitionWriter {
  constructor(
    private readonly parts: WriterParts,
    private readonly memory: Memory,
  ) {}

  async append(batch: Opening): Promise<Accepted> {
    const { source, routes, fingerprint, log } = this.parts;
    const gap = batch.gap && this.#mark(batch.gap);
    const written = this.#accepted(await log.append({ ...batch, gap, source, routes, fingerprint }));
    if (batch.gap) this.#tell(batch.gap, written.position);
    return written;
  }

  /** Another history takes the place of the one that the log has. */
  async renew({ epoch, watermark }: PartitionState, { next, history, gap }: Renewing): Promise<void> {
    const { source, fingerprint, log } = this.parts;
    const renewal = { source, epoch, watermark, next, history, gap: this.#mark(gap), fingerprint };
    this.#tell(gap, this.#accepted(await log.renew(renewal)).position);
  }

  #mark(gap: SourceGap): SourceGap {
    const { lost } = this.memory;
    return lost === null ? gap : { ...gap, before: lost };
  }

  #tell(gap: SourceGap, { time }: Moment): void {
    this.memory.lost = lossAfter(this.memory.lost, gap, time);
    this.parts.metrics.gap(this.parts.source.topic, gap.reason);
  }

  #accepted(answer: AppendAnswer): Accepted {
    if (answer.kind === 'appended') return answer;
    this.parts.metrics.refused(this.parts.source.topic, answer.kind);
    throw new Refused(answer);
  }
}
