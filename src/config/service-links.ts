import { isIP } from 'node:net';
import type { Environment } from './variables.js';

interface Told {
  readonly value: string;
  /** The port that the name itself says; any where it says none. */
  readonly port?: string;
  readonly protocol?: string;
}

const isAddress = ({ value }: Told) => isIP(value) !== 0;
const isPort = ({ value, port }: Told) => (port === undefined ? /^\d{1,5}$/.test(value) : value === port);
const isProtocol = ({ value, protocol }: Told) => value === protocol;

/** A link, as `tcp://10.96.12.7:4000` or `udp://[fd00::1]:53`. */
function isLink({ value, port = '\\d{1,5}', protocol = 'tcp|udp|sctp' }: Told): boolean {
  const [, host = ''] = new RegExp(`^(?:${protocol})://(.+):(?:${port})$`).exec(value) ?? [];
  return isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/** Names of variables for a Service that is called `tailrace`, or `tailrace-` and more. */
const named = (rest: string) => new RegExp(`^TAILRACE(?:_[A-Z0-9_]+)?${rest}$`);
const perPort = '_PORT_(?<port>\\d{1,5})_(?<protocol>TCP|UDP|SCTP)';

/** The names that a kubelet gives, and what it sets them to (`pkg/kubelet/envvars` of Kubernetes). */
const patterns: readonly (readonly [RegExp, (told: Told) => boolean])[] = [
  [named('_SERVICE_HOST'), isAddress],
  [named('_SERVICE_PORT(?:_[A-Z0-9_]+)?'), isPort],
  [named('_PORT'), isLink],
  [named(perPort), isLink],
  [named(`${perPort}_PROTO`), isProtocol],
  [named(`${perPort}_PORT`), isPort],
  [named(`${perPort}_ADDR`), isAddress],
];

/**
 * Variables that nobody has set: Kubernetes puts them into each pod for each Service of its namespace ("service links"),
 * and those of a Service `tailrace` look like settings of ours, `TAILRACE_PORT` even like one that there is. Sorted.
 */
export const serviceLinks = (env: Environment): string[] =>
  Object.keys(env)
    .filter((name) => isServiceLink(name, env[name] ?? ''))
    .sort();

function isServiceLink(name: string, value: string): boolean {
  return patterns.some(([pattern, isTold]) => {
    const found = pattern.exec(name);
    if (!found) return false;
    const { port, protocol } = found.groups ?? {};
    return isTold({ value, ...(port && { port }), ...(protocol && { protocol: protocol.toLowerCase() }) });
  });
}

export function withoutServiceLinks(env: Environment): Environment {
  const links = new Set(serviceLinks(env));
  return links.size === 0 ? env : Object.fromEntries(Object.entries(env).filter(([name]) => !links.has(name)));
}
