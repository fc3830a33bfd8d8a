import { z } from 'zod';
import { outcomeShape } from './outcome.js';

/** Bytes of a record that `dev` takes: as many as Kafka, unless told otherwise. */
export const mostOfRecord = 1024 * 1024;

/** Bytes of a post: escaped, a record is up to twice as long, and beside it stand its key and headers. */
export const mostOfPost = 4 * 1024 * 1024;

/** What a record has beside its value. */
const letterShape = {
  topic: z.string(),
  key: z.string().nullable(),
  headers: z.record(z.string(), z.string()),
  /** Milliseconds since 1970; null for now. */
  timestamp: z.int().nullable(),
};

/** What `tailrace send` posts to `dev`. Each record is its own text: parsed on the way, a long number would be another one. */
export const postShape = z.strictObject({ ...letterShape, records: z.array(z.string()).max(1_000) });
export type Post = z.infer<typeof postShape>;
export type Letter = Omit<Post, 'records'>;

/** What `dev` answers: one for each, in their order. */
export const answerShape = z.object({ outcomes: z.array(outcomeShape) });
