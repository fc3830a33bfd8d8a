import { gzipSync } from 'node:zlib';
import { GraphQLError } from 'graphql';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../../src/event/faults.js';
import type { AuditEntry } from '../../../src/observe/audit.js';
import { rawAnswer } from '../../../src/serve/answer.js';
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

test('a status that a resolver gives its error counts for the answer, and is not told in it', async () => {
  const gone = () => {
    throw new GraphQLError('it is gone', { extensions: { code: 'GONE', http: { status: 410 } } });
  };
  await using r = await river(`${sdl} type Query { it: ID @public }`, { resolvers: { Query: { it: gone } } });
  const answer = await fetch(`${r.url}?query=%7Bit%7D`);
  expect(answer.status).toBe(410);
  const body = await answer.json();
  expect(body).toMatchObject({ data: { it: null }, errors: [{ extensions: { code: 'GONE' } }] });
  expect(JSON.stringify(body)).not.toContain('http');
});

test.each([
  ['no JSON', '{"query":'],
  ['a list, as batches are', '[{"query":"{ version }"}]'],
  ['a parameter that is unknown', '{"query":"{ version }","other":1}'],
  ['variables that are a list', '{"query":"{ version }","variables":[1]}'],
  ['no document', '{}'],
])('a body with %s is refused before there is an operation, and audited', async (_, body) => {
  const told: AuditEntry[] = [];
  await using r = await river(sdl, { audit: (entry) => void told.push(entry) });
  const accept = 'application/graphql-response+json';
  const answer = await fetch(r.url, { method: 'POST', headers: { ...json, accept }, body });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] });
  expect(told).toMatchObject([{ event: 'refused', peer: { transport: 'http' }, code: 'BAD_REQUEST' }]);
});

test('an answer on a socket without a response is the last one of its connection', () => {
  expect(rawAnswer(503, { 'Retry-After': '3' })).toBe(
    'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\nRetry-After: 3\r\n\r\n',
  );
  const [head, body = ''] = rawAnswer(new Fault('UNAVAILABLE', { why: 'away' })).split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1\.1 503 .*\r\nConnection: close\r\n/);
  expect(head).toContain(`Content-Length: ${Buffer.byteLength(body)}`);
  expect(JSON.parse(body)).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
});
