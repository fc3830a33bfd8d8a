import { expect, test } from 'vitest';
import { socket } from '../support/clients/socket.js';
import { type Result, river, tokenFor } from '../support/river.js';

const sdl = `
  type Subscription { note: Note! @kafka(topic: "notes") @public }
  type Note { id: ID! }`;
const query = 'subscription { note { id } }';

test.each(['token', 'access_token', 'access-token', 'accessToken', 'id_token', 'Token', 'AUTHORIZATION', 'jwt'])(
  'a token in a URL, as ?%s=, is refused on every way in, also beside a good one, and is not repeated',
  async (name) => {
    await using r = await river(sdl, { graphiql: {} });
    const secret = 'not-to-be-told';
    const authorization = `Bearer ${await tokenFor({ sub: 'ada' })}`;
    const signed = { authorization, 'content-type': 'application/json' };
    const answer = await fetch(`${r.url}/ticket`, { method: 'POST', headers: signed });
    const { ticket } = (await answer.json()) as Result;
    const post = {
      method: 'POST',
      headers: signed,
      body: JSON.stringify({ query: '{ version }', id: 'a', token: 'b' }),
    };
    for (const [path, init] of [
      ['', post],
      ['/ticket', post],
      ['/renew', post],
      ['/stream', { ...post, body: JSON.stringify({ query }) }],
      ['/stream', { headers: { accept: 'text/event-stream' } }],
      ['', { headers: { accept: 'text/event-stream' } }],
      ['', { headers: { accept: 'text/html' } }],
    ] as const) {
      const url = `${r.url}${path}?${new URLSearchParams({ query, [name]: secret })}`;
      for (const more of ['', `&ticket=${ticket}`]) {
        const response = await fetch(url + more, init);
        const text = await response.text();
        expect([path, init, response.status]).toEqual([path, init, 401]);
        expect(text).toContain('a token in the URL');
        expect(text).not.toContain(secret);
      }
    }
    await using client = socket(`${r.wsUrl}?${name}=${secret}`);
    await client.send({ type: 'connection_init', payload: { authorization } });
    const { code, reason } = await client.closed;
    expect(code).toBe(4403);
    expect(reason).not.toContain(secret);
  },
);
