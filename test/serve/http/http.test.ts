import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { river } from '../../support/river.js';

const sdl = 'type Subscription { note: Note! @kafka(topic: "notes") @public } type Note { id: ID! }';
const page = 'https://app.example';
const json = { 'content-type': 'application/json' };

test.each([
  ['GET', '/nowhere', 404],
  ['GET', '/graphql//', 404],
  ['GET', '/graphql/ticket', 405],
  ['GET', '/graphql/renew', 405],
  ['PATCH', '/graphql/stream', 405],
  ['PUT', '/graphql/stream', 501],
  ['GET', '/graphql/stream?query=%7Bversion%7D', 405],
  ['PUT', '/graphql', 405],
])('%s %s is answered with %i, and its error has a code as every other', async (method, path, status) => {
  await using r = await river(sdl);
  const answer = await fetch(new URL(path, r.url), { method });
  const { errors } = (await answer.json()) as { errors: [{ extensions?: { code?: string } }] };
  expect([answer.status, errors[0].extensions?.code]).toEqual([status, 'BAD_REQUEST']);
});

test('a mutation where the schema has none ends with an error that has a code', async () => {
  await using r = await river(sdl);
  const body = JSON.stringify({ query: 'mutation { anything }' });
  const answer = await fetch(r.url, { method: 'POST', headers: json, body });
  expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] });
});

test('what is wrong with an operation has its status for who asks for GraphQL responses, and 200 for who asks for JSON', async () => {
  await using r = await river(sdl, { limits: { operationDepth: 1 } });
  const body = JSON.stringify({ query: '{ viewer { claims } }' });
  const statusFor = async (more: Record<string, string>) => {
    const answer = await fetch(r.url, { method: 'POST', headers: { ...json, ...more }, body });
    await answer.text();
    return answer.status;
  };
  const accept = 'application/graphql-response+json';
  expect([await statusFor({}), await statusFor({ accept })]).toEqual([200, 413]);
  const authorization = 'Bearer nonsense';
  expect([await statusFor({ authorization }), await statusFor({ authorization, accept })]).toEqual([401, 401]);
});

describe('a page of an allowed origin', () => {
  test('may send the headers of its client and its tracing', async () => {
    await using r = await river(sdl, { origins: [page] });
    const asked = 'apollographql-client-name,authorization,content-type,traceparent';
    const preflight = { origin: page, 'access-control-request-method': 'POST' };
    const { status, headers } = await fetch(r.url, {
      method: 'OPTIONS',
      headers: { ...preflight, 'access-control-request-headers': asked },
    });
    expect([status, headers.get('access-control-allow-headers')]).toEqual([204, asked]);
  });

  test('may read when to ask again', async () => {
    await using r = await river(sdl, { origins: [page] });
    const { headers } = await fetch(`${r.url}?query=%7Bversion%7D`, { headers: { origin: page } });
    expect(headers.get('access-control-expose-headers')?.split(', ')).toContain('Retry-After');
  });
});

test('a compressed body is refused by a sentence that says why', async () => {
  await using r = await river(sdl);
  const headers = { ...json, 'content-encoding': 'gzip' };
  const body = gzipSync(JSON.stringify({ query: '{ version }' }));
  const answer = await fetch(r.url, { method: 'POST', headers, body });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({
    errors: [{ message: 'the body comes with Content-Encoding gzip: send it uncompressed' }],
  });
});

test('an event stream is asked for by a media type in letters of any case', async () => {
  await using r = await river(sdl);
  const query = encodeURIComponent('subscription { note { id } }');
  const answer = await fetch(`${r.url}?query=${query}`, { headers: { accept: 'Text/Event-Stream' } });
  expect([answer.status, answer.headers.has('tailrace-stream')]).toEqual([200, true]);
  await answer.body?.cancel();
});
