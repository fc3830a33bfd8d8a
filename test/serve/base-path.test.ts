import { describe, expect, test } from 'vitest';
import { graphqlSse } from '../client/kinds.js';
import { events } from '../support/clients/stream.js';
import { eventually } from '../support/eventually.js';
import { listen, type Result, tokenFor } from '../support/river.js';
import { pay, sampleRiver, subscribed } from '../support/sample.js';

const basePath = '/events/v1';
const mine = 'subscription { transaction { id } }';
const json = { 'content-type': 'application/json' };
const idsOf = (results: readonly Result[]) => results.map(({ data }) => data?.transaction.id);

describe('below a base path', () => {
  test('queries, WebSockets and tickets are served', async () => {
    await using r = await sampleRiver({ basePath });
    expect(new URL(r.url).pathname).toBe('/events/v1/graphql');
    const token = await tokenFor({ sub: 'ada' });
    const asked = await fetch(r.url, { method: 'POST', headers: json, body: '{"query":"{ version }"}' });
    expect(await asked.json()).toEqual({ data: { version: '1.2.3' } });

    await using overWebSocket = listen(r.wsUrl, mine, { token });
    const given = await fetch(`${r.url}/ticket`, { method: 'POST', headers: { authorization: `Bearer ${token}` } });
    const { ticket } = (await given.json()) as Result;
    const query = new URLSearchParams({ query: mine, ticket });
    await using byTicket = await events(`${r.url}/stream?${query}`, null);
    await subscribed(r, 2);
    await pay(r, 'ada', 1);
    await eventually('both have it', () => overWebSocket.results.length + byTicket.results.length === 2);
    expect([idsOf(overWebSocket.results), idsOf(byTicket.results)]).toEqual([['1'], ['1']]);
  });

  test('the client renews the token of its stream', async () => {
    await using r = await sampleRiver({ basePath });
    const lives = [4_000, 60_000];
    const begun = Date.now();
    await using client = graphqlSse({ url: `${r.url}/stream`, token: () => tokenFor({ sub: 'ada' }, lives.shift()) });
    const { results } = client.listen(mine);
    await subscribed(r, 1);
    await eventually('the end of the first token', () => Date.now() > begun + 5_000);
    await pay(r, 'ada', 1);
    await eventually('what came after it', () => results.length === 1);
    expect([lives, client.connects()]).toEqual([[], 1]);
  });

  test('nothing is served beside it but probes, which answer at both places', async () => {
    await using r = await sampleRiver({ basePath });
    const { origin } = new URL(r.url);
    const status = async (path: string) => (await fetch(origin + path)).status;
    for (const probe of ['/healthz', '/readyz'])
      expect([await status(probe), await status(basePath + probe)]).toEqual([200, 200]);
    for (const path of ['/graphql', '/graphql/stream', '/events/graphql', '/events/v1', '/events/v12/graphql'])
      expect(await status(path), path).toBe(404);
    const said = (await (await fetch(`${origin}/graphql`)).json()) as Result;
    expect(said.errors[0].message).toBe('GraphQL is at /events/v1/graphql');
    await using lost = listen(r.wsUrl.replace(basePath, ''), mine);
    expect(String(await lost.ended)).toBeTruthy();
  });
});
