import { type DestinationStream, pino, stdTimeFunctions } from 'pino';
import type { Logger } from './logger.js';
import { stderr } from './stderr.js';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Names under which a secret could get into a line's fields, at the top or one level down. */
export const secrets = ['authorization', 'cookie', 'token', 'ticket', 'secret', 'password', 'passphrase'];

/** The logger of a process: a JSON object a line. */
export function pinoLogger(
  options: { readonly level: LogLevel; readonly command: string },
  to: DestinationStream = stderr(),
): Logger {
  return pino(
    {
      level: options.level,
      base: { command: options.command, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { error: pino.stdSerializers.err },
      redact: { paths: secrets.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
    },
    to,
  );
}
