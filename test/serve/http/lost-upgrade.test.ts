import { request } from 'node:http';
import { afterAll, describe, expect, test } from 'vitest';
import { silent } from '../../../src/observe/logger.js';
import { http2 } from '../../support/clients/http2.js';
import { river } from '../../support/river.js';
import { certificateAuthority } from '../../support/servers/certificates.js';

const authority = certificateAuthority();
afterAll(() => authority[Symbol.dispose]());

const sdl = 'type Query { one: Int! @public }';
const handshake = {
  'sec-websocket-key': Buffer.alloc(16).toString('base64'),
  'sec-websocket-version': '13',
  'sec-websocket-protocol': 'graphql-transport-ws',
};
const told = {
  errors: [
    {
      message: expect.stringContaining('A proxy on the way has dropped them'),
      extensions: { code: 'BAD_REQUEST' },
    },
  ],
};

function ask(url: string, headers: Record<string, string>) {
  return new Promise<{ status: number; upgrade: unknown; connection: unknown; body: unknown }>((resolve, reject) => {
    const asked = request(url, { headers }, async (response) => {
      const { upgrade, connection } = response.headers;
      let text = '';
      for await (const chunk of response) text += String(chunk);
      resolve({ status: response.statusCode ?? 0, upgrade, connection, body: JSON.parse(text) });
    });
    asked.on('error', reject).end();
  });
}

describe('the handshake of a WebSocket that a proxy has made a plain request of', () => {
  test.each([
    ['neither Upgrade nor Connection', {}],
    ['no Upgrade', { connection: 'keep-alive' }],
    ['no Connection: Upgrade', { upgrade: 'websocket', connection: 'keep-alive' }],
  ])('with %s is answered with 426 and what the proxy has to do, and the log has it once', async (_, rest) => {
    const warned: string[] = [];
    const logger = { ...silent, warn: (_: object, message: string) => void warned.push(message) };
    await using r = await river(sdl, { logger });
    for (let n = 0; n < 2; n++) {
      const { status, upgrade, connection, body } = await ask(r.url, { ...handshake, ...rest });
      expect([status, upgrade, connection]).toEqual([426, 'websocket', 'Upgrade']);
      expect(body).toEqual(told);
    }
    expect(warned).toEqual([told.errors[0]?.message]);
  });

  test('over HTTP/2 is told the same, which has no such headers', async () => {
    await using r = await river(sdl, { tls: authority.issue('gateway') });
    await using client = http2(r.url, authority.ca);
    const { status, text } = await client.ask('/graphql', handshake);
    expect([status, JSON.parse(text)]).toEqual([426, told]);
  });

  test('is none where only a client names a version: its query is answered', async () => {
    await using r = await river(sdl, { resolvers: { Query: { one: () => 1 } } });
    const { status } = await ask(`${r.url}?query={one}`, { 'sec-websocket-version': '13' });
    expect(status).toBe(200);
  });
});
