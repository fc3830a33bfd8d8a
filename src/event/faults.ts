import { randomUUID } from 'node:crypto';

/**
 * Every error a client can meet, one row each: code, what it says, HTTP status, WebSocket close code where the whole
 * socket ends, and whether the same request may succeed later. In a text, `{name}` is replaced by the value given.
 */
const table = {
  UNAUTHENTICATED: { text: 'This needs a valid token: {why}', status: 401, close: 4403, retry: false },
  FORBIDDEN: { text: 'Not allowed: {why}', status: 403, close: null, retry: false },
  CURSOR_INVALID: { text: 'The cursor is not one of this field: {why}', status: 400, close: null, retry: false },
  CURSOR_EXPIRED: {
    text: 'History no longer reaches back to the cursor: {why}',
    status: 410,
    close: null,
    retry: false,
  },
  EVENTS_LOST: { text: 'Events were lost and cannot be shown: {why}', status: 500, close: null, retry: true },
  LIMIT_EXCEEDED: { text: '{limit} is at most {max}, this would be {value}', status: 429, close: 1013, retry: true },
  UNAVAILABLE: { text: 'Not available now: {why}', status: 503, close: 1013, retry: true },
  PERSISTED_QUERY_NOT_FOUND: { text: 'PersistedQueryNotFound', status: 404, close: null, retry: false },
  PERSISTED_QUERY_ID_REQUIRED: {
    text: 'Only persisted operations are executed here: send the id of one, and no text',
    status: 400,
    close: null,
    retry: false,
  },
  UNSUPPORTED_MEDIA_TYPE: {
    text: 'A body must be application/json, and this one is {type}',
    status: 415,
    close: null,
    retry: false,
  },
  BAD_USER_INPUT: { text: '{why}', status: 400, close: null, retry: false },
  INTERNAL_SERVER_ERROR: {
    text: 'Something went wrong; the log has it under {id}',
    status: 500,
    close: 1011,
    retry: true,
  },
} as const;

export type FaultCode = keyof typeof table;

/** Other statuses of LIMIT_EXCEEDED, by limit: what is too much in itself, and what this replica has no room for now. */
const limitStatus: Readonly<Record<string, number>> = {
  messageBytes: 413,
  headerBytes: 431,
  jsonDepth: 413,
  operationTokens: 413,
  operationDepth: 413,
  operationAliases: 413,
  operationDirectives: 413,
  operationCost: 413,
  channelsPerSubscription: 413,
  rewind: 413,
  requestTimeout: 408,
  connections: 503,
  connectRate: 503,
};

/** The HTTP status of an error by its `extensions`; 400 for the codes that are not Tailrace's own. */
export function statusOf({ code, limit }: Readonly<Record<string, unknown>>): number {
  if (typeof code !== 'string' || !Object.hasOwn(table, code)) return 400;
  const own = code === 'LIMIT_EXCEEDED' && typeof limit === 'string' && Object.hasOwn(limitStatus, limit);
  return own ? (limitStatus[limit] as number) : table[code as FaultCode].status;
}

/** What happened, in a form that every transport can tell. Nothing secret is ever in it. */
export class Fault extends Error {
  override name = 'Fault';
  readonly status: number;
  /** Null when only the operation ends. */
  readonly close: number | null;
  readonly retry: boolean;

  constructor(
    readonly code: FaultCode,
    values: Readonly<Record<string, string | number>>,
    /** Goes beside `code` into `extensions`. */
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    const row = table[code];
    super(row.text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? '')));
    this.status = statusOf(this.extensions);
    this.close = row.close;
    this.retry = row.retry;
  }

  get extensions(): Record<string, unknown> {
    return { code: this.code, ...this.details };
  }
}

/** A failure that is nobody's fault: `tell` gets what happened, and a client the id under which that stands. */
export function internalFault(
  error: unknown,
  tell: (told: { readonly id: string; readonly error: string }) => void,
): Fault {
  const id = randomUUID();
  tell({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  return new Fault('INTERNAL_SERVER_ERROR', { id }, { id });
}

/** `limit` is the variable's name in camelCase without TAILRACE_. */
export function limitExceeded(limit: string, max: number, value: number): Fault {
  return new Fault('LIMIT_EXCEEDED', { limit, max, value }, { limit, max });
}
