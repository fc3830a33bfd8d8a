import { type DestinationStream, destination, pino, stdTimeFunctions } from 'pino';
import type { Audit, AuditEntry } from './audit.js';
import { secrets } from './pino.js';

/** What a line tells of arguments: their values, the names of those that were given, or nothing. */
export type ArgumentsTold = 'on' | 'names' | 'off';

/** Clients choose values and ids: none may fill the log. Characters. */
const longest = 200;
const longestArguments = 2_000;

/**
 * The audit log: a JSON object a line, named `audit`, on stderr beside the other lines, whatever their level. Never a
 * token, a ticket or a cursor; of claims only `sub` and `iss`, and those that a revocation names.
 */
export function auditLines(
  told: { readonly arguments: ArgumentsTold },
  to: DestinationStream = destination({ fd: 2, sync: true }),
): Audit {
  const log = pino(
    {
      name: 'audit',
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      redact: { paths: secrets.flatMap((name) => [`arguments.${name}`, `arguments.*.${name}`]), censor: '[secret]' },
    },
    to,
  );
  return (entry) => log.info(fieldsOf(entry, told.arguments));
}

function fieldsOf(entry: AuditEntry, told: ArgumentsTold): object {
  const { event } = entry;
  switch (entry.event) {
    case 'subscribed':
      return { event, ...witness(entry), field: entry.field, ...argumentsOf(entry.args, told) };
    case 'refused':
      return { event, ...witness(entry), code: entry.code, ...(entry.paths ? { paths: entry.paths } : {}) };
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
      return { event, ...sourceOf(entry.source), asked: entry.asked, status: entry.status };
  }
}

function witness({ claims, source }: { claims: Readonly<Record<string, unknown>> | null } & Pick<Told, 'source'>) {
  return { sub: named(claims?.sub), iss: named(claims?.iss), ...sourceOf(source) };
}

type Told = Extract<AuditEntry, { event: 'expelled' }>;

function sourceOf(source: Told['source']): object {
  if (source === null) return {};
  const { transport, address, stream, operation } = source;
  return { address: named(address), transport, stream, operation: named(operation) };
}

/** What is no text or number names nobody. */
function named(value: unknown): string | number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? value.slice(0, longest) : undefined;
}

function argumentsOf(args: Readonly<Record<string, unknown>>, told: ArgumentsTold): object {
  if (told === 'off') return {};
  const names = Object.keys(args).filter((name) => args[name] !== null);
  if (told === 'names') return { arguments: names };
  const given = Object.fromEntries(names.map((name) => [name, args[name]]));
  return JSON.stringify(given).length > longestArguments ? { arguments: names, cut: true } : { arguments: given };
}
