import { Fault } from '../../event/faults.js';

/** What clients may ask by the id of an operation that was written down, and whether they may ask anything else. */
export interface Operations {
  /** Documents by their ids. */
  readonly persisted: ReadonlyMap<string, string>;
  /** True: no text of a client's own is executed. */
  readonly only: boolean;
}

export const anyOperation: Operations = { persisted: new Map(), only: false };

/** A request's words for an operation, as they came. */
export interface Named {
  readonly query?: unknown;
  readonly documentId?: unknown;
  readonly extensions?: unknown;
}

/**
 * The document that a request means, by its text or by the id of a persisted one: Apollo's
 * `extensions.persistedQuery.sha256Hash`, or `documentId`. An empty text is none, also of an id: graphql-transport-ws asks for one.
 * Throws Fault BAD_USER_INPUT, PERSISTED_QUERY_NOT_FOUND, or PERSISTED_QUERY_ID_REQUIRED where a text is not wanted.
 */
export function documentOf({ query, documentId, extensions }: Named, { persisted, only }: Operations): string {
  const text = query ?? '';
  if (typeof text !== 'string') throw new Fault('BAD_USER_INPUT', { why: 'query must be the text of an operation' });
  if (text !== '' && only) throw new Fault('PERSISTED_QUERY_ID_REQUIRED', {});
  if (text !== '') return text;
  const id = (documentId === '' ? null : documentId) ?? hashIn(extensions);
  if (id === null) {
    const wanted = only
      ? 'documentId must be the id of a persisted operation'
      : 'query must be the text of an operation';
    throw new Fault('BAD_USER_INPUT', { why: wanted });
  }
  if (typeof id !== 'string')
    throw new Fault('BAD_USER_INPUT', { why: 'the id of a persisted operation must be text' });
  const found = persisted.get(id) ?? persisted.get(id.replace(/^sha256:/, ''));
  if (found === undefined) throw new Fault('PERSISTED_QUERY_NOT_FOUND', {});
  return found;
}

function hashIn(extensions: unknown): unknown {
  const { persistedQuery = null } = (extensions ?? {}) as Readonly<Record<string, unknown>>;
  if (persistedQuery === null || typeof persistedQuery !== 'object') return null;
  const { version, sha256Hash = null } = persistedQuery as Readonly<Record<string, unknown>>;
  if (version !== 1) throw new Fault('BAD_USER_INPUT', { why: 'the version of extensions.persistedQuery must be 1' });
  return sha256Hash;
}

/**
 * Documents by id: from Apollo's manifest `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id",
 * "body", …}]}`, or from a plain `{"<id>": "<document>"}`. Throws RangeError with a sentence for anything else.
 */
export function manifestOf(json: string): ReadonlyMap<string, string> {
  const manifest = parsed(json);
  const isApollo = manifest.format === 'apollo-persisted-query-manifest';
  if (isApollo && manifest.version !== 1) throw new RangeError('its version must be 1');
  const entries = isApollo ? apolloEntries(manifest.operations) : Object.entries(manifest);
  const found = new Map<string, string>();
  for (const [id, document] of entries) {
    if (typeof id !== 'string' || id === '' || typeof document !== 'string' || document === '') {
      throw new RangeError('each operation must have an id and a document, both texts');
    }
    if (found.has(id)) throw new RangeError(`it has the id ${JSON.stringify(id)} twice`);
    found.set(id, document);
  }
  return found;
}

function parsed(json: string): Readonly<Record<string, unknown>> {
  try {
    // Some editors begin a file with a mark of its encoding.
    const value: unknown = JSON.parse(json.replace(/^\uFEFF/, ''));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new RangeError('it must be a JSON object');
}

function apolloEntries(operations: unknown): readonly (readonly [unknown, unknown])[] {
  if (!Array.isArray(operations)) throw new RangeError('its operations must be a list');
  return operations.map((operation) => [operation?.id, operation?.body] as const);
}
