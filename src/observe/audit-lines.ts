import { type DestinationStream, pino, stdTimeFunctions } from 'pino';
import type { Asked, Audit, AuditEntry, Peer } from './audit.js';
import { type ArgumentsTold, argumentsOf, fieldsOf } from './audit-arguments.js';
import { stderr } from './stderr.js';

export type { ArgumentsTold } from './audit-arguments.js';

/** Characters of an id or a claim in a line: clients choose ids, and issuers claims, and none may fill the log. */
const longest = 200;
/** Paths in a line, of the fields that a refused operation may not read. */
const mostPaths = 20;

/**
 * The audit log: a JSON object a line, named `audit`, on stderr beside the other lines, whatever their level. Never a
 * token, a ticket or a cursor; of claims only `sub` and `iss`, and those that a revocation names.
 */
export function auditLines(told: { readonly arguments: ArgumentsTold }, to: DestinationStream = stderr()): Audit {
  const log = pino(
    {
      name: 'audit',
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    to,
  );
  return (entry) => log.info(lineOf(entry, told.arguments));
}

function lineOf(entry: AuditEntry, told: ArgumentsTold): object {
  const { event } = entry;
  switch (entry.event) {
    case 'subscribed':
      return { event, ...witness(entry), field: entry.field, ...argumentsOf(entry.args, told) };
    case 'refused':
      return {
        event,
        ...witness(entry),
        ...operationOf(entry.asked ?? null, told),
        code: entry.code,
        ...(Array.isArray(entry.paths) ? { paths: entry.paths.slice(0, mostPaths).map(named) } : {}),
      };
    case 'executed':
      return {
        event,
        ...witness(entry),
        ...operationOf(entry.asked, told),
        ...(entry.code === null ? {} : { code: entry.code }),
      };
    case 'renewed':
      return {
        event,
        ...witness(entry),
        ok: entry.code === null,
        ...(entry.code === null ? {} : { code: entry.code }),
      };
    case 'expelled':
      return { event, ...witness(entry) };
    case 'revoked':
      return { event, claims: entry.revoked, issuedBefore: new Date(entry.at * 1000).toISOString() };
    case 'admin':
      return {
        event,
        ...peerOf(entry.peer),
        path: entry.path,
        ...operationOf(entry.asked, told),
        status: entry.status,
      };
  }
}

const operationOf = (asked: Asked | null, told: ArgumentsTold): object =>
  asked ? { kind: asked.kind, ...fieldsOf(asked.fields, told) } : {};

function witness({ claims, peer }: { claims: Readonly<Record<string, unknown>> | null; peer: Peer | null }) {
  return { sub: named(claims?.sub), iss: named(claims?.iss), ...peerOf(peer) };
}

function peerOf(peer: Peer | null): object {
  if (peer === null) return {};
  const { transport, address, stream, operation } = peer;
  return { address: named(address), transport, stream, operation: named(operation) };
}

/** A value as a name; undefined for what is no text or number, which names nobody. */
function named(value: unknown): string | number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' || typeof value === 'bigint' ? String(value).slice(0, longest) : undefined;
}
