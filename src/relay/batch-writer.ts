import type { SourcePartition } from '../event/source-event.js';
import { prepare, type TopicFormats } from '../format/formats.js';
import type { RelayMetrics } from '../observe/metrics.js';
import type { TopicPlan } from '../schema/stream-schema.js';
import { type Chunk, chunks } from './chunks.js';
import type { LettersOnce } from './dead-letter.js';
import type { PartitionWriter } from './partition-writer.js';
import { arrived, arrivedBelow } from './placement/arrivals.js';
import { learned } from './placement/history.js';
import type { Memory } from './placement/memory.js';
import { refilled } from './placement/placement.js';
import type { Placed } from './placement/placer.js';
import type { FedRecord, RecordBatch } from './record-batch.js';

/** Awaited between appends; false means stop here. */
export type Pulse = () => Promise<boolean>;

export interface BatchWriterParts {
  readonly source: SourcePartition;
  readonly plan: TopicPlan;
  readonly formats: TopicFormats;
  /** Milliseconds; what came in an eighth of it may become one arrival. */
  readonly refillMax: number;
  readonly letters: LettersOnce;
  readonly writer: PartitionWriter;
  readonly metrics: RelayMetrics;
  /** Is told of each append, with the offset behind its last record. */
  readonly brought: (next: number) => void;
}

/** Brings the records of a batch into the log, chunk by chunk, and those that cannot be read to the dead letters. */
export class BatchWriter {
  constructor(
    private readonly parts: BatchWriterParts,
    private readonly memory: Memory,
  ) {}

  /**
   * False where `pulse` stopped it in between. Throws Refused, LogUnavailable, why a format is not prepared, and why a dead
   * letter could not be written: what precedes that one is in the log all the same.
   */
  async write(placed: Placed, batch: RecordBatch, pulse: Pulse): Promise<boolean> {
    const fresh = recordsFrom(placed.appended, batch.records);
    const last = fresh.at(-1);
    const preparing = prepare(this.parts.formats, fresh);
    // Where nothing is to be waited for, a batch is not put off either.
    if (preparing !== null) await preparing;
    for (const chunk of this.#chunks(placed, fresh)) {
      const unwritten = await this.parts.letters.write(chunk.faults);
      if (unwritten !== null) {
        // The letter may have to wait for hours. What precedes it does not.
        const before = chunk.records.filter(({ offset }) => offset < unwritten.offset);
        for (const part of this.#chunks(placed, before)) await this.#append(placed, batch, part);
        throw unwritten.error;
      }
      const isLast = chunk.records.at(-1) === last;
      await this.#append(placed, batch, chunk, isLast ? batch.to : undefined);
      if (!isLast && !(await pulse())) return false;
    }
    return true;
  }

  #chunks({ origin, refill }: Placed, records: readonly FedRecord[]) {
    const { plan, formats } = this.parts;
    return chunks(records, { plan, formats, origin }, (record) => refilled(refill, record));
  }

  async #append(placed: Placed, batch: RecordBatch, chunk: Chunk, end?: number): Promise<void> {
    const { writer, brought, refillMax } = this.parts;
    const { offset, timestamp } = chunk.records.at(-1) as FedRecord;
    const next = end ?? offset + 1;
    placed.history = learned(placed.history, batch.epochs ?? [], next);
    const { epoch, appended: base, history, told } = placed;
    const { entries } = chunk;
    // `first` only allows that there is no watermark. It was set when the place was found; missing now, it was lost.
    const written = await writer.append({
      epoch,
      base,
      next,
      first: false,
      last: { offset, timestamp },
      entries,
      gap: null,
      history,
    });
    brought(next);
    placed.appended = next;
    // Records for nobody are not heard: by the time of them, everybody would have heard too little.
    const before = entries.length > 0 ? undefined : arrivedBelow(placed.arrivals, base).at(-1);
    const time = before?.time ?? written.position.time;
    const oldest = chunk.records.reduce((min, record) => Math.min(min, record.timestamp), timestamp);
    placed.arrivals = arrived(placed.arrivals, base, { offset: next, time, lag: time - oldest }, refillMax / 8);
    const { arrivals } = placed;
    this.memory.reached = { offset: next, timestamp, arrivals, history, told, lost: this.memory.lost };
    this.#count(chunk, written.appended);
  }

  #count(chunk: Chunk, written: number): void {
    const { metrics, source } = this.parts;
    const { topic, partition } = source;
    metrics.consumed(topic, partition, chunk.records.length);
    if (written > 0) metrics.appended(topic, written);
    const again = chunk.entries.reduce((sum, entry) => sum + Number(entry.refilled !== false), 0);
    if (again > 0) metrics.refilled(topic, again);
    for (let i = 0; i < chunk.tombstones; i++) metrics.tombstone(topic);
    for (const route of chunk.forNobody) metrics.forNobody(topic, route);
  }
}

/** The records that are not in the log yet; where none is, the same list. */
function recordsFrom(offset: number, records: readonly FedRecord[]): readonly FedRecord[] {
  const hasKnown = (records[0]?.offset ?? offset) < offset;
  return hasKnown ? records.filter((record) => record.offset >= offset) : records;
}
