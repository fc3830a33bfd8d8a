import { isIP } from 'node:net';

/**
 * An origin in its one form: scheme, host and port, in small letters and without the port that goes without saying. Null for
 * what is none, `null` too. `URL.origin` knows only the web's own schemes: of an app's (`capacitor://localhost`) it is `null`.
 */
export function normalOrigin(text: string): string | null {
  if (!/^[a-z][a-z\d+.-]*:\/\/[^\s/?#@\\,*]+$/i.test(text) || !URL.canParse(text)) return null;
  const { protocol, host } = new URL(text);
  return host === '' ? null : `${protocol}//${host.toLowerCase()}`;
}

/** Whether an origin, in its one form, is meant. */
type OriginPattern = (origin: string) => boolean;

/**
 * One origin, or many, with stars as Content-Security-Policy has them: `https://*.example.com` is every name below
 * `example.com`, of one label or more, and not that name itself; `http://localhost:*` is every port. Null for what is neither, as
 * a star for all hosts, or for all below one label (`*.com`).
 */
export function originPattern(text: string): OriginPattern | null {
  const [, scheme, below, rest = '', anyPort] = /^(https?:\/\/)(\*\.)?(.*?)(:\*)?$/i.exec(text) ?? [];
  if (below === undefined && anyPort === undefined) {
    const one = normalOrigin(text);
    return one === null ? null : (origin) => origin === one;
  }
  const named = normalOrigin(`${scheme}${rest}`);
  if (named === null || (anyPort && /:\d*$/.test(rest))) return null;
  const { protocol, hostname, port } = new URL(named);
  if (below && (!hostname.includes('.') || isIP(hostname) !== 0)) return null;
  return (origin) => {
    const page = new URL(origin);
    // With the dot: `evil-example.com` ends with `example.com` as well.
    const isHost = below ? page.hostname.endsWith(`.${hostname}`) : page.hostname === hostname;
    return isHost && page.protocol === protocol && (anyPort !== undefined || page.port === port);
  };
}
