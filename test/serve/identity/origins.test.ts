import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { readConfig } from '../../../src/config/read.js';
import type { AuditEntry } from '../../../src/observe/audit.js';
import { silent } from '../../../src/observe/logger.js';
import { normalOrigin, originPattern } from '../../../src/serve/identity/origin-pattern.js';
import { allowedOrigins, type Surroundings } from '../../../src/serve/identity/origins.js';
import { http2 } from '../../support/clients/http2.js';
import { type Result, type River, river, tokenFor } from '../../support/river.js';
import { certificateAuthority } from '../../support/servers/certificates.js';

const sdl = `
  type Subscription { note: Note! @kafka(topic: "notes") @public  mine: Note! @kafka(topic: "notes") @authenticated }
  type Note { id: ID! }
`;
const apps = ['capacitor://localhost', 'tauri://localhost', 'chrome-extension://gjknejkplkfoinmcajlgoaggahnimjdl'];
const listed = [...apps, 'https://app.example.com'];

/** Until the end of its scope this is the time. */
function at(now: number): Disposable {
  const spy = vi.spyOn(performance, 'now').mockReturnValue(now);
  return { [Symbol.dispose]: () => spy.mockRestore() };
}

/** The status each door of plain HTTP gives to a page of this origin, with a cookie and without one; `more` is what a proxy adds. */
async function doors(r: River, origin: string, more: Record<string, string> = {}): Promise<Record<string, number>> {
  const cookie = `tailrace_token=${await tokenFor({ sub: 'ada' })}`;
  const status = async (path: string, init: RequestInit & { headers?: Record<string, string> } = {}) => {
    const answer = await fetch(r.url + path, { ...init, headers: { ...init.headers, ...more, origin } });
    await answer.body?.cancel();
    return answer.status;
  };
  const events = `/stream?query=${encodeURIComponent('subscription { mine { id } }')}`;
  const body = '{"query":"{ version }"}';
  const json = { 'content-type': 'application/json' };
  return {
    query: await status('', { method: 'POST', headers: json, body }),
    'query with a cookie': await status('', { method: 'POST', headers: { ...json, cookie }, body }),
    'events with a cookie': await status(events, { headers: { cookie } }),
    preflight: await status('', { method: 'OPTIONS', headers: { 'access-control-request-method': 'POST' } }),
    ticket: await status('/ticket', { method: 'POST', headers: { authorization: `Bearer ${cookie.split('=')[1]}` } }),
    WebSocket: await handshake(r, { ...more, origin }),
    'WebSocket with a cookie': await handshake(r, { ...more, origin, cookie }),
  };
}

async function handshake({ wsUrl }: River, headers: Record<string, string>): Promise<number> {
  const socket = new WebSocket(wsUrl, 'graphql-transport-ws', { headers });
  socket.on('error', () => undefined);
  const status = await Promise.race([
    once(socket, 'open').then(() => 101),
    once(socket, 'unexpected-response').then(([, response]) => response.statusCode as number),
  ]);
  socket.terminate();
  return status;
}

const open = {
  query: 200,
  'query with a cookie': 200,
  'events with a cookie': 200,
  preflight: 204,
  ticket: 201,
  WebSocket: 101,
  'WebSocket with a cookie': 101,
};
const shut = Object.fromEntries(Object.keys(open).map((door) => [door, 403]));

describe('every door', () => {
  test.each(listed)('is open to pages of %s, which is listed', async (origin) => {
    await using r = await river(sdl, { origins: listed });
    expect(await doors(r, origin)).toEqual(open);
  });

  test.each([
    ['without a list', []],
    ['beside a list', listed],
  ])('is open to pages of the own origin, %s', async (_, origins) => {
    await using r = await river(sdl, { origins });
    expect(await doors(r, new URL(r.url).origin)).toEqual(open);
  });

  test.each([
    ['without a list', []],
    ['beside a list', listed],
  ])('is shut to the own host by another scheme or port, and to all others, %s', async (_, origins) => {
    await using r = await river(sdl, { origins });
    const { host, hostname } = new URL(r.url);
    const others = [
      ...['capacitor', 'ftp', 'tauri', 'ws', 'chrome-extension'].map((scheme) => `${scheme}://${host}`),
      ...[`http://${hostname}`, `http://${hostname}:1`, `http://${host}.evil.example`, `http://evil.example`, 'null'],
      ...[`http://user@${host}`, `http://${host}/`, `http://${host} http://evil.example`, 'file://', host, '*'],
      ...['capacitor://localhost.evil.example', 'capacitor://evil', 'https://app.example.com:8443'],
    ];
    for (const origin of others) expect(await doors(r, origin), origin).toEqual(shut);
  });
});

describe('behind a proxy that changes Host every door is open to its own page', () => {
  const page = 'https://shop.example';
  test.each([
    ['X-Forwarded-Host and -Proto', { 'x-forwarded-host': 'shop.example', 'x-forwarded-proto': 'https' }],
    ['Forwarded', { forwarded: 'for=192.0.2.1;host=shop.example;proto=https' }],
  ])('by %s, where it is believed', async (_, headers) => {
    await using believing = await river(sdl, { trustedHops: 1 });
    expect(await doors(believing, page, headers)).toEqual(open);
    expect(await doors(believing, 'https://evil.example', headers)).toEqual(shut);
    await using other = await river(sdl);
    expect(await doors(other, page, headers)).toEqual(shut);
  });
});

test('over TLS a page that came in the clear is another origin, over HTTP/2 too', async () => {
  using authority = certificateAuthority();
  await using r = await river(sdl, { tls: authority.issue('gateway'), origins: listed });
  await using client = http2(r.url, authority.ca);
  const { host } = new URL(r.url);
  const cookie = `tailrace_token=${await tokenFor({ sub: 'ada' })}`;
  const status = async (origin: string) =>
    (await client.ask('/graphql?query=%7Bversion%7D', { origin, cookie })).status;
  for (const origin of [`https://${host}`, ...listed]) expect(await status(origin), origin).toBe(200);
  for (const origin of [`http://${host}`, `capacitor://${host}`, 'null'])
    expect(await status(origin), origin).toBe(403);
});

describe('the own origin', () => {
  const of = (host: string | undefined, origin: string, around: Surroundings = {}, proto?: string) =>
    allowedOrigins([], around).refusalOf({
      headers: { host, origin, ...(proto === undefined ? {} : { 'x-forwarded-proto': proto }) },
    } as unknown as IncomingMessage) === null;

  test.each([
    ['shop.example', 'http://shop.example', true],
    ['shop.example:80', 'http://shop.example', true],
    ['shop.example', 'http://shop.example:80', true],
    ['SHOP.example', 'http://shop.EXAMPLE', true],
    ['shop.example:443', 'https://shop.example', true],
    ['shop.example:443', 'http://shop.example', false],
    ['shop.example:80', 'https://shop.example', false],
    ['shop.example:8080', 'http://shop.example:8080', true],
    ['shop.example:8080', 'http://shop.example', false],
    ['[::1]:4000', 'http://[::1]:4000', true],
    ['[::1]:4000', 'http://[0:0:0:0:0:0:0:1]:4000', true],
    ['[::1]:4000', 'http://[::2]:4000', false],
    ['evil.example@shop.example', 'http://shop.example', false],
    ['', 'http://', false],
    [undefined, 'http://undefined', false],
    [undefined, 'http://', false],
  ])('of a port that was asked as %s: %s is it: %s', (host, origin, own) => {
    expect(of(host, origin)).toBe(own);
  });

  test.each([
    // Nobody is believed: what is written in the header changes nothing.
    [{}, 'https', 'http://shop.example', true],
    [{}, 'http', 'https://shop.example', true],
    [{ secure: true }, 'http', 'http://shop.example', false],
    [{ secure: true }, undefined, 'https://shop.example', true],
    // TLS ends at a proxy that is believed.
    [{ trustedHops: 1 }, 'https', 'https://shop.example', true],
    [{ trustedHops: 1 }, 'HTTPS', 'https://shop.example', true],
    [{ trustedHops: 1 }, 'https', 'http://shop.example', false],
    [{ trustedHops: 1 }, 'http', 'https://shop.example', false],
    [{ trustedHops: 1 }, 'http', 'http://shop.example', true],
    [{ trustedHops: 1, secure: true }, 'http', 'http://shop.example', true],
    // It says nothing, or nothing of use.
    [{ trustedHops: 1 }, undefined, 'https://shop.example', true],
    [{ trustedHops: 1 }, '', 'http://shop.example', true],
    [{ trustedHops: 1 }, 'wss', 'https://shop.example', true],
    [{ trustedHops: 1, secure: true }, 'capacitor', 'http://shop.example', false],
    // What stands before those that are believed, the client may have written.
    [{ trustedHops: 1 }, 'http, https', 'http://shop.example', false],
    [{ trustedHops: 2 }, 'https, http', 'https://shop.example', true],
    [{ trustedHops: 2 }, 'http, https, http', 'http://shop.example', false],
    [{ trustedHops: 3 }, 'https', 'https://shop.example', true],
  ] as const)('behind %j, which say %j, is %s: %s', (around, proto, origin, own) => {
    expect(of('shop.example', origin, around, proto)).toBe(own);
  });
});

test('of two lines `Origin` none counts', async () => {
  await using r = await river(sdl, { origins: listed });
  const socket = connect(Number(new URL(r.url).port), '127.0.0.1');
  socket.write(
    `GET /graphql?query=%7Bversion%7D HTTP/1.1\r\nHost: a\r\nOrigin: ${apps[0]}\r\nOrigin: http://evil\r\n\r\n`,
  );
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1.1 403 /);
  socket.destroy();
});

test('a page is allowed just where its scheme, its host and its port are those of a listed one', () => {
  const scheme = fc.constantFrom('http', 'https', 'capacitor', 'app', 'ftp');
  const host = fc.constantFrom('a.example', 'b.example', 'A.example', 'localhost', '[::1]', '127.0.0.1');
  const port = fc.constantFrom('', ':80', ':443', ':21', ':4000');
  const parts = fc.tuple(scheme, host, port);
  const byDefault: Record<string, string> = { http: ':80', https: ':443', ftp: ':21' };
  const meaning = ([scheme, host, port]: readonly [string, string, string]) =>
    [scheme, host.toLowerCase(), port === byDefault[scheme] ? '' : port].join(' ');
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 4 }), parts, (list, page) => {
      const origins = allowedOrigins(list.map((one) => `${one[0]}://${one[1]}${one[2]}`));
      const request = { headers: { host: 'gateway.example', origin: `${page[0]}://${page[1]}${page[2]}` } };
      const is = list.some((one) => meaning(one) === meaning(page));
      expect(origins.refusalOf(request as unknown as IncomingMessage) === null).toBe(is);
      expect(origins.signsIn(request as unknown as IncomingMessage)).toBe(is);
    }),
  );
});

describe('a star in a listed origin', () => {
  test.each([
    ['https://*.example.com', 'https://pr-7.example.com', true],
    ['https://*.example.com', 'https://a.b.example.com', true],
    ['https://*.EXAMPLE.com', 'https://PR.example.COM', true],
    ['https://*.example.com:443', 'https://a.example.com', true],
    ['https://*.example.com:8443', 'https://a.example.com:8443', true],
    ['https://*.example.com', 'https://example.com', false],
    ['https://*.example.com', 'https://evil-example.com', false],
    ['https://*.example.com', 'https://example.com.evil.org', false],
    ['https://*.example.com', 'https://a.example.com.evil.org', false],
    ['https://*.example.com', 'https://evil.org/.example.com', false],
    ['https://*.example.com', 'https://evil.org#.example.com', false],
    ['https://*.example.com', 'https://evil.org@a.example.com', false],
    ['https://*.example.com', 'https://evil.org\\.example.com', false],
    ['https://*.example.com', 'https://*.example.com', false],
    ['https://*.example.com', 'http://a.example.com', false],
    ['https://*.example.com', 'https://a.example.com:8443', false],
    ['https://*.example.com:8443', 'https://a.example.com', false],
    ['http://localhost:*', 'http://localhost', true],
    ['http://localhost:*', 'http://localhost:5173', true],
    ['http://localhost:*', 'https://localhost:5173', false],
    ['http://localhost:*', 'http://localhost.evil.org:5173', false],
    ['http://localhost:*', 'http://a.localhost', false],
    ['http://[::1]:*', 'http://[::1]:5173', true],
    ['https://*.example.com:*', 'https://a.example.com:1', true],
  ])('%s means %s: %s', (listed, page, is) => {
    expect(config({ TAILRACE_ORIGINS: listed })).toHaveLength(0);
    const request = { headers: { host: 'gateway.example', origin: page } } as unknown as IncomingMessage;
    expect(allowedOrigins([listed]).refusalOf(request) === null).toBe(is);
  });

  test.each([
    ...[
      '*',
      'https://*',
      'https://*.',
      'https://*.com',
      'https://*com',
      'https://*.*.example.com',
      'https://a.*.example.com',
    ],
    ...['https://a*.example.com', 'https://*.example.*', '*.example.com', '*://a.example', 'capacitor://*.example.com'],
    ...['https://*.0.0.1', 'https://*.[::1]', 'https://*:*', 'https://*.com:*', 'http://a.example:80:*', 'http://:*'],
  ])('%s is no origin: the gateway does not start', (listed) => {
    expect(config({ TAILRACE_ORIGINS: listed })).toHaveLength(1);
  });

  const config = (env: Record<string, string>) => {
    const read = readConfig(env, 'dev');
    return 'faults' in read ? read.faults : [];
  };

  test('means names below the one that is listed, label by label, and nothing else', () => {
    const label = fc.constantFrom('a', 'b', 'evil', 'example', 'com', 'org', 'evil-example', 'xample', '-');
    const name = fc.array(label, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(label, { minLength: 2, maxLength: 3 }), name, fc.boolean(), (listed, page, isBelow) => {
        const labels = isBelow ? [...page, ...listed] : page;
        const fits = originPattern(`https://*.${listed.join('.')}`);
        const tail = labels.slice(-listed.length);
        const expected = labels.length > listed.length && tail.join() === listed.join();
        expect(fits?.(normalOrigin(`https://${labels.join('.')}`) as string)).toBe(expected);
      }),
    );
  });
});

describe('who is refused is told why', () => {
  const ask = async (r: River, headers: Record<string, string>) => {
    const answer = await fetch(`${r.url}?query=%7Bversion%7D`, { headers });
    return { status: answer.status, body: (await answer.json()) as Result };
  };
  const shake = async ({ wsUrl }: River, headers: Record<string, string>) => {
    const socket = new WebSocket(wsUrl, 'graphql-transport-ws', { headers });
    const [, response] = await once(socket, 'unexpected-response');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    socket.on('error', () => undefined).terminate();
    return { status: response.statusCode as number, body: JSON.parse(String(Buffer.concat(chunks))) as Result };
  };

  test('by the answer, over HTTP and in place of a WebSocket: which origin, what the own one is, what to set', async () => {
    await using r = await river(sdl);
    const { host } = new URL(r.url);
    const own = [`http://${host}`, `https://${host}`];
    for (const asked of [ask, shake]) {
      const listing = await asked(r, { origin: 'https://shop.example' });
      expect(listing.status).toBe(403);
      const [error] = listing.body.errors;
      expect(error.extensions).toEqual({
        code: 'FORBIDDEN',
        origin: 'https://shop.example',
        own,
        set: 'TAILRACE_ORIGINS',
      });
      expect(error.message).toBe(
        `Not allowed: pages of https://shop.example may not connect. This gateway's own origin is ${own.join(' or ')}; if they are yours, add it to TAILRACE_ORIGINS`,
      );
      const believing = await asked(r, { origin: 'https://shop.example', 'x-forwarded-host': 'shop.example' });
      expect(believing.body.errors[0].extensions.set).toBe('TAILRACE_TRUSTED_HOPS');
      expect(believing.body.errors[0].message).toContain('may have told the host shop.example, and none is believed');
      const long = await asked(r, { origin: `https://${'a'.repeat(5_000)}` });
      expect(JSON.stringify(long.body).length).toBeLessThan(1_000);
    }
  });

  test('by the log once for each origin, and of strangers who come from a new one each time not without end', async () => {
    const lines: { origin: string; message: string }[] = [];
    const warn = (fields: object, message: string) => lines.push({ ...(fields as { origin: string }), message });
    const audited: AuditEntry[] = [];
    await using r = await river(sdl, { logger: { ...silent, warn }, audit: (entry) => audited.push(entry) });
    for (const origin of ['https://a.example', 'https://b.example', 'https://a.example']) {
      await ask(r, { origin });
      await shake(r, { origin });
    }
    expect(lines).toMatchObject([
      { origin: 'https://a.example', set: 'TAILRACE_ORIGINS', message: 'pages of an origin were refused' },
      { origin: 'https://b.example' },
    ]);
    expect(audited.map((entry) => 'peer' in entry && [entry.event, entry.peer?.transport])).toEqual(
      Array.from({ length: 3 }, () => [
        ['refused', 'http'],
        ['refused', 'websocket'],
      ]).flat(),
    );
    for (let n = 0; n < 200; n++) await ask(r, { origin: `https://${n}.example` });
    expect(lines).toHaveLength(100);
    expect(lines.at(-1)?.message).toMatch(/no further origin is told/);
  });

  test('by the log again an hour later, so that the strangers’ hundred do not hide the own one for ever', () => {
    const lines: unknown[] = [];
    const warn = (fields: object) => void lines.push((fields as { origin: string }).origin);
    const origins = allowedOrigins([], {}, { warn });
    const refuse = (origin: string) => origins.refusalOf({ headers: { origin, host: 'gateway' } } as IncomingMessage);
    for (let n = 0; n < 200; n++) refuse(`https://${n}.example`);
    refuse('https://own.example');
    expect(lines).toHaveLength(100);
    using _ = at(performance.now() + 3_600_000);
    for (let n = 0; n < 2; n++) refuse('https://own.example');
    expect(lines.slice(100)).toEqual(['https://own.example']);
  });
});

test('whatever stands in the header, nothing but an origin has a form, and that form is its own', () => {
  const text = fc.oneof(fc.string(), fc.webUrl(), fc.constantFrom('null', '://', 'a://', 'http://[', 'http://%'));
  fc.assert(
    fc.property(text, (text) => {
      const normal = normalOrigin(text);
      if (normal !== null) expect(normalOrigin(normal)).toBe(normal);
    }),
  );
});
