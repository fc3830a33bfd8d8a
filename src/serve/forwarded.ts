import type { IncomingHttpHeaders } from 'node:http';

/** What the proxies that are believed tell of how the outermost of them was asked; null for what none of them says. */
export interface Forwarded {
  /** By whom: an address, perhaps with a port, or a word that stands for one. */
  readonly address: string | null;
  /** By which name, with the port unless that goes without saying. */
  readonly host: string | null;
  readonly scheme: 'http' | 'https' | null;
}

type Name = 'for' | 'host' | 'proto';
type Tell = (name: Name) => string | null;

/**
 * Reads X-Forwarded-For, -Host and -Proto, and where none of them is there, `Forwarded` (RFC 7239). Each proxy adds what it saw
 * to the end of a list, or puts it in the place of what came: so the last `hops` elements count, and the first of them is told
 * by the outermost proxy. What stands before, anybody may have written.
 *
 * Of two families the older one counts: proxies that know only that one pass `Forwarded` on as a client wrote it.
 */
export function forwardedOf(headers: IncomingHttpHeaders, hops: number): Forwarded {
  if (hops === 0) return { address: null, host: null, scheme: null };
  const tell = families.some((name) => headers[name] !== undefined) ? byLists(headers, hops) : byPairs(headers, hops);
  return { address: tell('for'), host: tell('host'), scheme: schemeOf(tell('proto')) };
}

const families = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'];

const byLists = (headers: IncomingHttpHeaders, hops: number): Tell => {
  return (name) => {
    const told = String(headers[`x-forwarded-${name}`] ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    // A list shorter than the row of proxies: one of them has put its word in the place of what came.
    return told.slice(-hops)[0] ?? null;
  };
};

const byPairs = (headers: IncomingHttpHeaders, hops: number): Tell => {
  const elements = lastElements(String(headers.forwarded ?? ''), hops).map(pairsOf);
  return (name) => elements.find((pairs) => pairs.get(name))?.get(name) ?? null;
};

/**
 * The last `count` elements of a list, the outermost proxy's first. They are looked for from the end: a quote that a client
 * opens and does not close would, read from the beginning, take in what proxies have added.
 */
function lastElements(list: string, count: number): string[] {
  const elements: string[] = [];
  const take = (element: string) => {
    if (element.trim() !== '' && elements.length < count) elements.unshift(element);
  };
  let end = list.length;
  let isQuoted = false;
  for (let at = end - 1; at >= 0 && elements.length < count; at--) {
    if (list[at] === '"' && !isEscaped(list, at)) isQuoted = !isQuoted;
    if (list[at] !== ',' || isQuoted) continue;
    take(list.slice(at + 1, end));
    end = at;
  }
  take(list.slice(0, end));
  return elements;
}

function isEscaped(text: string, at: number): boolean {
  let before = at;
  while (text[before - 1] === '\\') before--;
  return (at - before) % 2 === 1;
}

const pair = /(?:\s*([!#$%&'*+.^_`|~\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?\s*(?:;|$)/gy;

/** Names and values of one element; none of one that is not well formed: a host that a client chose may have a `;` in it. */
function pairsOf(element: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  let read = 0;
  for (const [whole, name, quoted, plain] of element.matchAll(pair)) {
    read += whole.length;
    if (name) pairs.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '');
  }
  return read === element.length ? pairs : new Map();
}

/** Of a WebSocket some proxies tell `wss`: the page of it came by https. */
function schemeOf(told: string | null): Forwarded['scheme'] {
  const scheme = told?.toLowerCase().replace(/^ws/, 'http');
  return scheme === 'http' || scheme === 'https' ? scheme : null;
}
