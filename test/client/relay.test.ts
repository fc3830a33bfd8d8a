import { expect, test } from 'vitest';
import { tokenSource } from '../../src/client/index.js';
import { tailraceNetwork } from '../../src/client/relay.js';

test("Relay's queries: a token that was refused is asked for once more, for the next query", async () => {
  let issued = 0;
  const token = tokenSource(async () => `token-${++issued}`);
  const asked: (string | null)[] = [];
  const { fetchQuery } = tailraceNetwork({
    http: 'http://127.0.0.1/graphql',
    token,
    live: { subscribe: () => () => undefined },
    fetch: async (_, init) => {
      const authorization = new Headers(init?.headers).get('authorization');
      asked.push(authorization);
      return Response.json({ data: {} }, { status: authorization === 'Bearer token-1' ? 401 : 200 });
    },
  });
  const request = { id: null, cacheID: 'q', text: '{ version }', name: 'Q', operationKind: 'query', metadata: {} };
  for (let n = 0; n < 3; n++) await fetchQuery(request as never, {}, {}, null);
  expect(asked).toEqual(['Bearer token-1', 'Bearer token-2', 'Bearer token-2']);
});
