import { describe, expect, test } from 'vitest';
import { acceptedTypes } from '../../../src/serve/http/accept.js';
import { sampleRiver } from '../../support/sample.js';

describe('what a client wishes for', () => {
  test.each([
    [undefined, []],
    ['', []],
    [' , ,', []],
    ['*/*', ['*/*']],
    ['Text/Event-Stream', ['text/event-stream']],
    ['text/event-stream;q=0', []],
    ['text/event-stream; q=0', []],
    ['text/event-stream ; Q=0.000', []],
    ['text/event-stream;charset=utf-8;q=0', []],
    ['text/event-stream;q=0;x=1', []],
    ['text/event-stream;q=0.1', ['text/event-stream']],
    ['text/event-stream;q=0.001', ['text/event-stream']],
    ['text/event-stream;q=1', ['text/event-stream']],
    ['text/event-stream;q=', ['text/event-stream']],
    ['text/event-stream;q=much', ['text/event-stream']],
    ['text/event-stream;xq=0', ['text/event-stream']],
    ['application/json, text/event-stream;q=0, */*;q=0.5', ['application/json', '*/*']],
  ])('%j: %j', (header, types) => expect(acceptedTypes(header)).toEqual(types));
});

const events = /^text\/event-stream/;
const json = /^application\/(graphql-response\+)?json/;

describe.each([
  ['GET', null],
  ['POST', 'application/json'],
] as const)('on /graphql by %s', (method, type) => {
  const ask = async (query: string, accept: string) => {
    await using r = await sampleRiver();
    const search = type === null ? `?${new URLSearchParams({ query })}` : '';
    const answer = await fetch(r.url + search, {
      method,
      headers: { accept, ...(type === null ? {} : { 'content-type': type }) },
      ...(type === null ? {} : { body: JSON.stringify({ query }) }),
    });
    await answer.body?.cancel();
    return [answer.status, answer.headers.get('content-type')];
  };
  const trams = 'subscription { vehicle { lat } }';

  test.each([
    'text/event-stream',
    'text/event-stream;q=0.1',
    'application/json, text/event-stream',
    'application/json;q=0.5, text/event-stream;q=0.9',
    'text/event-stream, application/json;q=0',
    'text/event-stream, */*;q=0.1',
  ])('a subscription comes as events with %j', async (accept) => {
    expect(await ask(trams, accept)).toEqual([200, expect.stringMatching(events)]);
  });

  test.each([
    'text/event-stream;q=0',
    'text/event-stream;q=0, */*',
    'text/event-stream; q=0.0, application/json',
    'application/graphql-response+json, text/event-stream;q=0',
    '*/*',
  ])('a query comes as JSON with %j, and a subscription not at all', async (accept) => {
    expect(await ask('{ version }', accept)).toEqual([200, expect.stringMatching(json)]);
    expect(await ask(trams, accept)).toEqual([400, expect.stringMatching(json)]);
  });

  test('a query comes as an event where JSON is refused', async () => {
    const [, type] = await ask('query { version }', 'text/event-stream, application/json;q=0');
    if (method === 'POST') expect(type).toMatch(events);
  });
});

test('a browser that refuses pages gets no GraphiQL', async () => {
  await using r = await sampleRiver({ graphiql: {} });
  const type = async (accept: string) => {
    const answer = await fetch(r.url, { headers: { accept } });
    await answer.body?.cancel();
    return answer.headers.get('content-type');
  };
  expect(await type('text/html,*/*;q=0.8')).toMatch(/^text\/html/);
  expect(await type('text/html;q=0,*/*')).not.toMatch(/^text\/html/);
});

test('on /graphql/stream events come whatever is wished for', async () => {
  await using r = await sampleRiver();
  const query = 'subscription { vehicle { lat } }';
  const headers = { accept: 'text/event-stream;q=0' };
  const answer = await fetch(`${r.url}/stream?${new URLSearchParams({ query })}`, { headers });
  expect([answer.status, answer.headers.has('tailrace-stream')]).toEqual([200, true]);
  await answer.body?.cancel();
});
