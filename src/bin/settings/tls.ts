import { type Config, type Environment, fileOf } from '../../config/variables.js';
import type { Pem, Tls } from '../../serve/port/tls-pair.js';

/** TAILRACE_TLS_* for a gateway, which reads files again by itself; null without TLS. */
export function tlsOf(
  { tlsCert, tlsKey }: Pick<Config<'gateway'>, 'tlsCert' | 'tlsKey'>,
  env: Environment,
): Tls | null {
  if (tlsCert === null || tlsKey === null) return null;
  const pem = (text: string, file: string | null): Pem => (file === null ? text : { file });
  return { cert: pem(tlsCert, fileOf(env, 'tlsCert')), key: pem(tlsKey, fileOf(env, 'tlsKey')) };
}
