import type { GraphQLSchema } from 'graphql';
import type { Logger } from '../../observe/logger.js';
import type { OperationBounds } from './bounds.js';
import { type Document, documentCache, isDocument, type Parsed } from './operation.js';
import { anyOperation, documentOf, type Named, type Operations } from './persisted.js';
import { Refused } from './refused.js';

export interface DocumentsParts {
  readonly schema: GraphQLSchema;
  readonly introspection: boolean;
  readonly bounds: OperationBounds;
  /** Default: any, and none persisted. */
  readonly operations?: Operations | undefined;
  readonly logger: Logger;
}

/** The documents that clients mean, by a text or by the id of a persisted one: parsed, weighed and validated. */
export class Documents {
  readonly #operations: Operations;
  readonly #cache: (text: string) => Parsed;
  /** Persisted documents, beside the cache: what strangers send must not push them out of it. */
  readonly #persisted = new Map<string, Parsed>();

  /** Warns of each persisted document that cannot be executed. */
  constructor({ schema, introspection, bounds, operations = anyOperation, logger }: DocumentsParts) {
    this.#operations = operations;
    this.#cache = documentCache(schema, introspection, bounds);
    for (const [id, text] of operations.persisted) {
      const parsed = this.#cache(text);
      this.#persisted.set(text, parsed);
      if (!isDocument(parsed)) logger.warn({ id, why: parsed[0]?.message }, 'A persisted operation cannot be executed');
    }
  }

  /** Throws Fault where the request names no document (`documentOf`), and Refused where the named one is not valid. */
  of(named: Named): Document {
    const text = documentOf(named, this.#operations);
    const parsed = this.#persisted.get(text) ?? this.#cache(text);
    if (!isDocument(parsed)) throw new Refused(parsed);
    return parsed;
  }
}
