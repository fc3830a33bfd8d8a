import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { listenSse, type Result, type River, tokenFor } from '../support/river.js';
import { sampleRiver } from '../support/sample.js';

const mutation = 'mutation { sendTyping(room: "a") }';
const acting = JSON.stringify({ query: mutation });

/** What a form, a link or a `fetch` without CORS can make any browser send to any address. */
const simple: readonly (readonly [string | null, string])[] = [
  ['text/plain', acting],
  ['text/plain;charset=UTF-8', acting],
  ['TEXT/PLAIN', acting],
  ['text/plain; application/json', acting],
  ['text/plain,application/json', acting],
  ['application/x-www-form-urlencoded', new URLSearchParams({ query: mutation }).toString()],
  ['application/x-www-form-urlencoded; charset=utf-8', acting],
  [
    'multipart/form-data; boundary=x',
    `--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n${acting}\r\n--x--\r\n`,
  ],
  ['multipart/form-data', acting],
  [null, acting],
  ['', acting],
  ['application/octet-stream', acting],
  ['json', acting],
];
const paths = ['', '/', '/stream', '/stream/'];

/** Somebody who is signed in by a cookie, on a page of an origin that may. */
const signedIn = async (r: River) => ({
  cookie: `tailrace_token=${await tokenFor({ sub: 'ada' })}`,
  origin: new URL(r.url).origin,
});

async function post(url: string, type: string | null, body: string, headers: Record<string, string> = {}) {
  return fetch(url, {
    method: 'POST',
    headers: { ...headers, ...(type === null ? {} : { 'content-type': type }) },
    // As bytes: of a text, fetch says by itself that it is one.
    body: Buffer.from(body),
  });
}

describe('what a page can make a browser send by itself is never executed', () => {
  test.each(simple)('a body of the type %j', async (type, body) => {
    await using r = await sampleRiver();
    const headers = await signedIn(r);
    await using heard = listenSse(r.url, 'subscription { typing(room: "a") { userId } }', {
      token: await tokenFor({ sub: 'grace' }),
    });
    for (const path of paths) {
      for (const accept of ['application/json', 'text/event-stream', '*/*']) {
        const answer = await post(r.url + path, type, body, { ...headers, accept });
        expect(answer.status, path).toBe(415);
        const [error] = ((await answer.json()) as Result).errors;
        expect(error.extensions.code).toBe('UNSUPPORTED_MEDIA_TYPE');
        expect(error.message).toMatch(/application\/json/);
      }
    }
    await eventually('one that is meant is heard', async () => {
      await post(r.url, 'application/json', JSON.stringify({ query: 'mutation { sendTyping(room: "a") }' }), headers);
      return heard.results.length > 0;
    });
    expect(heard.results.map(({ data }) => data.typing.userId)).toEqual(heard.results.map(() => 'ada'));
  });

  test('and neither is one in a URL, by whatever method and name', async () => {
    const operations = { persisted: new Map([['act', mutation]]), only: false };
    await using r = await sampleRiver({ operations });
    const headers = await signedIn(r);
    await using heard = listenSse(r.url, 'subscription { typing(room: "a") { userId } }', {
      token: await tokenFor({ sub: 'grace' }),
    });
    await eventually('it listens', () => heard.results.length === 0);
    const persisted = JSON.stringify({ persistedQuery: { version: 1, sha256Hash: 'act' } });
    const several = `query A { version } ${mutation.replace('mutation', 'mutation B')}`;
    for (const path of ['', '/', '/stream', '/stream/']) {
      for (const accept of ['application/json', 'text/event-stream', '*/*', 'application/json, text/event-stream']) {
        const links: readonly Readonly<Record<string, string>>[] = [
          { query: mutation },
          { query: mutation, operationName: '' },
          { query: several, operationName: 'B' },
          { documentId: 'act' },
          { extensions: persisted },
        ];
        for (const asked of links) {
          const url = `${r.url}${path}?${new URLSearchParams({ ...asked })}`;
          for (const method of ['GET', 'HEAD']) {
            const answer = await fetch(url, { method, headers: { ...headers, accept } });
            expect([method, answer.status], url).toEqual([method, 405]);
          }
          // Without a body: its type is not asked for.
          const posted = await fetch(url, { method: 'POST', headers: { ...headers, accept } });
          expect(posted.status, url).toBeGreaterThanOrEqual(400);
        }
      }
    }
    expect(heard.results).toEqual([]);
  });
});

describe('a body of JSON is taken', () => {
  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'Application/JSON ; charset="utf-8"',
    'application/graphql+json',
    'application/graphql+json; charset=utf-8',
  ])('of the type %s', async (type) => {
    await using r = await sampleRiver();
    for (const path of ['', '/stream']) {
      const answer = await post(r.url + path, type, JSON.stringify({ query: '{ version }' }));
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain('1.2.3');
    }
  });
});
