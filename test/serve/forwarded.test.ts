import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { forwardedOf } from '../../src/serve/forwarded.js';
import { allowedOrigins } from '../../src/serve/identity/origins.js';
import { addressOf } from '../../src/serve/limits/address.js';

const told = (hops: number, headers: IncomingHttpHeaders) => {
  const { address, host, scheme } = forwardedOf(headers, hops);
  return [address, host, scheme];
};

const x = (list: string, host?: string, proto?: string): IncomingHttpHeaders => ({
  'x-forwarded-for': list,
  ...(host === undefined ? {} : { 'x-forwarded-host': host }),
  ...(proto === undefined ? {} : { 'x-forwarded-proto': proto }),
});

test.each([
  [0, x('192.0.2.1', 'a', 'https'), [null, null, null]],
  [1, x('192.0.2.1', 'a', 'https'), ['192.0.2.1', 'a', 'https']],
  [1, x('192.0.2.66, 192.0.2.1', 'evil, a', 'http, https'), ['192.0.2.1', 'a', 'https']],
  [2, x('192.0.2.66, 192.0.2.1, 10.0.0.1', 'a', 'https'), ['192.0.2.1', 'a', 'https']],
  [2, x('192.0.2.1', 'evil, a:8443, inner', 'HTTPS, http'), ['192.0.2.1', 'a:8443', 'https']],
  [1, { 'x-forwarded-proto': 'wss' }, [null, null, 'https']],
  [1, { 'x-forwarded-proto': 'ws' }, [null, null, 'http']],
  [1, { 'x-forwarded-proto': 'gopher' }, [null, null, null]],
  [1, x(' , ', '', ','), [null, null, null]],
  [3, {}, [null, null, null]],
] as const)('of %i proxies, of X-Forwarded-* %j tells %j', (hops, headers, expected) => {
  expect(told(hops, headers)).toEqual(expected);
});

test.each([
  [0, 'for=192.0.2.1;host=a;proto=https', [null, null, null]],
  [1, 'for=192.0.2.1;host=a;proto=https', ['192.0.2.1', 'a', 'https']],
  [1, 'For=192.0.2.1; HOST="a:8443" ;by=_x; Proto=HTTPS', ['192.0.2.1', 'a:8443', 'https']],
  [1, 'for="[2001:db8::1]:4711";host=a;proto=https', ['[2001:db8::1]:4711', 'a', 'https']],
  [2, 'for="[2001:db8::1]";host=a, for=10.0.0.1;host=b;proto=http', ['[2001:db8::1]', 'a', 'http']],
  [1, 'for=192.0.2.66;host=evil, for=192.0.2.1;host=a', ['192.0.2.1', 'a', null]],
  [1, 'for=192.0.2.66,, for=192.0.2.1 ,', ['192.0.2.1', null, null]],
  [1, 'host="a\\"b,c;d"', [null, 'a"b,c;d', null]],
  // A quote that a client left open.
  [1, 'for="192.0.2.66, for=192.0.2.1;host=a', ['192.0.2.1', 'a', null]],
  [1, 'for=192.0.2.66;host=", for="[2001:db8::1]";host=a', ['[2001:db8::1]', 'a', null]],
  [1, 'for="\\, for="[2001:db8::1]";host=a', ['[2001:db8::1]', 'a', null]],
  // A host that a client chose, as its proxy tells it.
  [1, 'for=192.0.2.1;host="a;for=192.0.2.66;b"', ['192.0.2.1', 'a;for=192.0.2.66;b', null]],
  // Not well formed: nothing is told.
  [1, 'for=192.0.2.1;host', [null, null, null]],
  [1, 'for="192.0.2.1', [null, null, null]],
  [1, 'rubbish', [null, null, null]],
] as const)('of %i proxies, of `Forwarded: %s` tells %j', (hops, forwarded, expected) => {
  expect(told(hops, { forwarded })).toEqual(expected);
});

test('where both are there X-Forwarded-* counts, all of it: who sends only that passes `Forwarded` on', () => {
  const forwarded = 'for=192.0.2.66;host=evil;proto=https';
  expect(told(1, { forwarded, 'x-forwarded-proto': 'http' })).toEqual([null, null, 'http']);
  expect(told(1, { forwarded, ...x('192.0.2.1') })).toEqual(['192.0.2.1', null, null]);
});

test('a long header that is hard to read takes no longer than another one', () => {
  for (const piece of [' ', '"', '\\', ';', ',', '="', 'a=', '\\"']) {
    for (const forwarded of [`${piece.repeat(60_000)}?`, `a=b;${piece.repeat(60_000)}`])
      expect(told(16, { forwarded })).toEqual([null, null, null]);
  }
});

const label = fc.constantFrom('shop', 'tram', 'inner', 'evil', 'xn--4ca');
const host = fc.oneof(
  fc.tuple(label, fc.constantFrom('', ':8443', ':80')).map(([name, port]) => `${name}.example${port}`),
  fc.constantFrom('[2001:db8::1]', '[::1]:4000'),
);
const address = fc.oneof(fc.ipV4(), fc.ipV6().map(String));
/** What a proxy sees: who asked it, by which name, by which scheme. */
const view = fc.record({ for: address, host, proto: fc.constantFrom('http', 'https') });
type View = typeof view extends fc.Arbitrary<infer V> ? V : never;
const rubbish = fc.oneof(
  fc.string(),
  fc.constantFrom('"', 'for="', ',"', '\\', 'for=192.0.2.66;host=evil.example;proto=http', 'a;host="', '";host=evil, '),
  fc.array(fc.constantFrom('"', ',', ';', '=', '\\', 'for', 'host', ' ', 'a')).map((parts) => parts.join('')),
);
const names = ['for', 'host', 'proto'] as const;

/** How a proxy tells: behind what came, or in its place. */
const sets = fc.boolean();
const quotes = fc.boolean();

/** Of proxies one behind the other, the outermost first, what it was that the first one still tells: the oracle reads no header. */
const stillTold = (row: readonly { readonly view: View; readonly sets: boolean }[]): View | undefined =>
  row[Math.max(0, row.map(({ sets }) => sets).lastIndexOf(true))]?.view;

const element = ({ view, quotes }: { readonly view: View; readonly quotes: boolean }): string =>
  names
    .map((name) => {
      const value = name === 'for' && view.for.includes(':') ? `[${view.for}]` : view[name];
      return /[:[\]]/.test(value) || quotes ? `${name}="${value}"` : `${name}=${value}`;
    })
    .join(';');

const byX = (written: string, row: readonly { readonly view: View; readonly sets: boolean }[]): IncomingHttpHeaders =>
  Object.fromEntries(
    names.map((name) => [
      `x-forwarded-${name}`,
      row.reduce((list, { view, sets }) => (sets ? view[name] : `${list}, ${view[name]}`), written),
    ]),
  );

const byForwarded = (written: string, row: readonly { view: View; sets: boolean; quotes: boolean }[]) => ({
  forwarded: row.reduce((list, proxy) => (proxy.sets ? element(proxy) : `${list}, ${element(proxy)}`), written),
});

describe('whatever a client writes, what counts is how the outermost proxy that is believed was asked', () => {
  const row = fc.array(fc.record({ view, sets, quotes }), { minLength: 1, maxLength: 4 });
  const around = (headers: IncomingHttpHeaders, page: string) =>
    ({
      headers: { ...headers, host: 'backend:4000', origin: page },
      socket: { remoteAddress: '10.0.0.1' },
    }) as unknown as IncomingMessage;

  test.each([
    ['X-Forwarded-*', byX],
    ['Forwarded', byForwarded],
  ] as const)('by %s', (_, headersOf) => {
    fc.assert(
      fc.property(row, rubbish, host, (row, written, other) => {
        const headers = headersOf(written, row);
        const seen = stillTold(row) as View;
        const hops = row.length;
        const own = `${seen.proto}://${seen.host}`;
        const request = around(headers, own);
        const allows = (page: string, hops: number) =>
          allowedOrigins([], { trustedHops: hops }).refusalOf(around(headers, page)) === null;

        expect(addressOf(request, hops)).toBe(
          addressOf({ headers: {}, socket: { remoteAddress: seen.for } } as never, 0),
        );
        expect(allows(own, hops), own).toBe(true);
        const another = `${seen.proto}://${other}`;
        expect(allows(another, hops), another).toBe(new URL(another).origin === new URL(own).origin);
        expect(allows('http://backend:4000', hops)).toBe(false);
        // Nobody is believed: the peer, and what was asked.
        expect(addressOf(request, 0)).toBe('10.0.0.1');
        expect(allows(own, 0)).toBe(false);
        expect(allows('http://backend:4000', 0)).toBe(true);
      }),
    );
  });
});
