import { z } from 'zod';
import type { Reached } from '../record-batch.js';

// Numbers are whole: Kafka cannot be asked for a fraction, and a partition whose log lost something would wait for ever.
const words = z.object({
  timestamp: z.int(),
  arrivals: z.array(z.object({ offset: z.int(), time: z.int(), lag: z.int() })).default([]),
  history: z
    .object({ topicId: z.string().nullable(), epochs: z.array(z.tuple([z.int(), z.int()])) })
    .default({ topicId: null, epochs: [] }),
  told: z.object({ epoch: z.string(), number: z.int(), time: z.int() }).nullable().default(null),
  lost: z
    .object({
      reason: z.enum(['LOG_LOST', 'SOURCE_LOST', 'TOPIC_RECREATED']),
      since: z.int(),
      cut: z.object({ origin: z.string(), offset: z.int() }).optional(),
      changedAt: z.int().optional(),
    })
    .nullable()
    .default(null),
});

/** Kafka takes 4096 bytes of it. */
const mostSaid = 16;

/** What a relay keeps with an offset that it commits, as text. */
export function metadataOf(newest: Reached | null): string {
  if (newest === null) return '';
  const { offset: _, history, ...rest } = newest;
  return JSON.stringify({ ...rest, history: { ...history, epochs: history.epochs.slice(-mostSaid) } });
}

/** What was said with a committed offset; null when nothing was, or by somebody else. */
export function reachedIn(offset: number, metadata: string | null | undefined): Reached | null {
  try {
    const parsed = words.safeParse(JSON.parse(metadata ?? ''));
    return parsed.success ? { offset, ...parsed.data } : null;
  } catch {
    return null;
  }
}
