import { describe, expect, test } from 'vitest';
import { noGatewayMetrics } from '../../src/observe/metrics.js';
import type { GatewayLimits } from '../../src/serve/limits/limits.js';
import { listen, listenSse, type Result, type River, river } from '../support/river.js';

const sdl = `
  type Query { node: Node @public }
  type Subscription { note(json: JSON): Node! @kafka(topic: "notes") @public }
  type Node { name: String node: Node nodes: [Node!] }
  scalar JSON`;
const resolvers = { Query: { node: () => ({ name: 'a', nodes: [] }) } };

/** An operation refused by one more, as each transport tells it. */
const transports = {
  HTTP: async (r: River, query: string, variables: object): Promise<Result> => {
    const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json' };
    const answer = await fetch(r.url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
    const { errors } = (await answer.json()) as Result;
    expect(answer.status).toBe(errors ? 413 : 200);
    return errors?.[0] ?? null;
  },
  'server-sent events': async (r: River, query: string, variables: Record<string, unknown>): Promise<Result> => {
    await using asked = listenSse(r.url, query, { variables });
    expect(await asked.ended).toBeNull();
    return asked.results[0].errors?.[0] ?? null;
  },
  WebSocket: async (r: River, query: string, variables: Record<string, unknown>): Promise<Result> => {
    await using asked = listen(r.wsUrl, query, { variables });
    const ended = (await asked.ended) as Result;
    return ended?.[0] ?? null;
  },
};

const depth = (n: number): object => (n === 1 ? {} : { a: depth(n - 1) });

interface Case {
  readonly limit: keyof GatewayLimits;
  readonly max: number;
  /** An operation with so much of it. */
  readonly query: (amount: number) => string;
  readonly variables?: (amount: number) => Record<string, unknown>;
}

const cases: readonly Case[] = [
  { limit: 'operationTokens', max: 12, query: (n) => `{ node { ${'name '.repeat(n - 5)}} }` },
  { limit: 'operationDepth', max: 4, query: (n) => `{ ${'node { '.repeat(n - 1)} name ${'}'.repeat(n)}` },
  {
    limit: 'operationAliases',
    max: 3,
    query: (n) => `{ node { ${Array.from({ length: n }, (_, i) => `a${i}: name`).join(' ')} } }`,
  },
  { limit: 'operationDirectives', max: 3, query: (n) => `{ node { ${'... @skip(if: false) { name } '.repeat(n)} } }` },
  { limit: 'operationCost', max: 42, query: (n) => `{ node { nodes { name ${'name '.repeat((n - 12) / 10)} } } }` },
  {
    limit: 'jsonDepth',
    max: 5,
    query: () => '{ node { name } }',
    variables: (n) => depth(n) as Record<string, unknown>,
  },
];

describe.each(Object.entries(transports))('over %s', (_, ask) => {
  test.each(cases)('$limit is $max, and not one more', async ({ limit, max, query, variables = () => ({}) }) => {
    const limited: string[] = [];
    await using r = await river(sdl, {
      resolvers,
      limits: { [limit]: max },
      metrics: { ...noGatewayMetrics, limited: (which) => limited.push(which) },
    });
    expect(await ask(r, query(max), variables(max))).toBeNull();
    expect(limited).toEqual([]);
    const more = limit === 'operationCost' ? 10 : 1;
    const refused = await ask(r, query(max + more), variables(max + more));
    expect(refused.extensions).toEqual({ code: 'LIMIT_EXCEEDED', limit, max });
    expect(limited).toEqual([limit]);
  });
});
