import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { proxyPrograms } from '../../scripts/proxies/programs.mjs';
import { freePort } from '../../scripts/services/ports.mjs';
import { startDetached } from '../../scripts/services/processes.mjs';
import type { AuditEntry } from '../../src/observe/audit.js';
import { eventually } from '../support/eventually.js';
import { river } from '../support/river.js';
import { throwAway } from '../support/servers/throw-away.js';

const sdl = 'type Subscription { all: Note! @kafka(topic: "notes") @public } type Note { id: ID! }';

/** HAProxy on a free port, which passes connections on to this one as they are, and checks the gateway meanwhile. */
async function haproxy(option: string, to: number) {
  const port = await freePort();
  const config = `defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen gateway
  bind 127.0.0.1:${port}
  option httpchk GET /healthz
  server one 127.0.0.1:${to} ${option} check inter 200ms
`;
  return throwAway({
    name: 'haproxy',
    port,
    start(folder) {
      const file = join(folder, 'haproxy.cfg');
      writeFileSync(file, config);
      return startDetached(proxyPrograms().HAProxy, ['-f', file], { cwd: folder, log: join(folder, 'log') });
    },
  });
}

/** The status of a request that comes from this address of this machine. */
const ask = (port: number, localAddress: string) =>
  new Promise<number | undefined>((resolve) => {
    get({ host: '127.0.0.1', port, localAddress, path: '/graphql?query=%7Bversion%7D', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', () => resolve(undefined));
  });

test.each(['send-proxy', 'send-proxy-v2'])(
  'HAProxy tells by %s who connects, and its checks are answered',
  async (option) => {
    const entries: AuditEntry[] = [];
    await using r = await river(sdl, { proxyProtocol: true, audit: (entry) => void entries.push(entry) });
    await using proxy = await haproxy(option, Number(new URL(r.url).port));
    // Until its first check was answered it passes nothing on.
    await eventually('it passes on', async () => (await ask(proxy.port, '127.0.0.2')) === 200);
    const socket = connect({ host: '127.0.0.1', port: proxy.port, localAddress: '127.0.0.3' });
    const webSocket = new WebSocket(r.wsUrl, 'graphql-transport-ws', { createConnection: () => socket });
    await once(webSocket, 'open');
    webSocket.send('{"type":"connection_init"}');
    webSocket.send('{"type":"subscribe","id":"1","payload":{"query":"subscription { all { id } }"}}');
    const addresses = () => entries.flatMap((entry) => ('peer' in entry && entry.peer ? [entry.peer.address] : []));
    await eventually('it is subscribed', () => addresses().length > 1);
    expect(addresses()).toEqual(['127.0.0.2', '127.0.0.3']);
    webSocket.terminate();
  },
);
