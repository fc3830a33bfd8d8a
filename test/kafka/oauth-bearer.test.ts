import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { tokenProvider } from '../../src/kafka/oauth-bearer.js';

/** A server of tokens that gives one answer to all. */
async function issuing(status: number, body: string) {
  const server = createServer((_, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return { url, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

const tokenFrom = (url: string) =>
  tokenProvider({ url, clientId: 'relay', clientSecret: 'not-to-be-told', scope: null })();

test.each([
  ['refuses', 401, '{"error":"invalid_client"}', 'HTTP 401'],
  ['answers with a page', 200, '<html>not-to-be-told', 'no JSON'],
  ['answers with half a token', 200, '{"access_token":"not-to-be-told', 'no JSON'],
  ['answers with something else', 200, '{"token":"not-to-be-told"}', 'no access_token'],
])(
  'a server of tokens that %s is named, with what was wrong, and nothing that it said',
  async (_, status, body, why) => {
    await using issuer = await issuing(status, body);
    const refused = tokenFrom(issuer.url);
    await expect(refused).rejects.toThrow(`${issuer.url} gave no token for Kafka: `);
    await expect(refused).rejects.toThrow(why);
    await expect(refused).rejects.not.toThrow('not-to-be-told');
  },
);

test('one that cannot be reached is named, with the reason', async () => {
  const { url, ...closing } = await issuing(200, '');
  await closing[Symbol.asyncDispose]();
  await expect(tokenFrom(url)).rejects.toThrow(`${url} gave no token for Kafka: connect ECONNREFUSED`);
});
