import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { afterAll, expect, test } from 'vitest';
import { readText } from '../../src/serve/answer.js';
import { tlsServer } from '../../src/serve/port/tls-server.js';
import * as raw from '../support/clients/http2-frames.js';
import { opened } from '../support/opened.js';
import { certificateAuthority } from '../support/servers/certificates.js';

const authority = certificateAuthority();
afterAll(() => authority[Symbol.dispose]());
const { ca } = authority;

const { frame, fields } = raw;

/** Each begins a request at this port, and gives a way to leave in the midst of its body. */
const beginnings: Readonly<Record<string, (port: number) => Promise<() => unknown>>> = {
  async 'HTTP/1.1'(port) {
    const socket = connect({ port, host: '127.0.0.1', ca, ALPNProtocols: ['http/1.1'] });
    socket.on('error', () => undefined).write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{');
    return () => socket.destroy();
  },
  async 'HTTP/2, the stream taken back'(port) {
    const client = await raw.frames(port, ca);
    client.send([frame(raw.headers, raw.endHeaders, 1, fields('POST', '/')), frame(raw.data, 0, 1, Buffer.from('{'))]);
    return () => client.send([frame(raw.reset, 0, 1, Buffer.from([0, 0, 0, 8]))]);
  },
  async 'HTTP/2, the connection gone'(port) {
    const client = await raw.frames(port, ca);
    client.send([frame(raw.headers, raw.endHeaders, 1, fields('POST', '/')), frame(raw.data, 0, 1, Buffer.from('{'))]);
    return () => client[Symbol.asyncDispose]();
  },
};

test.each(Object.keys(beginnings))(
  'a client that goes away while it sends is no failure of the gateway: %s',
  async (how) => {
    await using scope = opened();
    const limits = { messageBytes: 100, requestTimeout: 60_000 };
    const texts: Promise<string | null>[] = [];
    const server = tlsServer(authority.issue('gateway'), { ...limits, streams: 10, heartbeat: 60_000 }, (request) => {
      texts.push(readText(request, limits));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    scope.defer(() => server.close());
    scope.defer(() => server.closeAllConnections());
    const asked = once(server, 'request');
    const leave = await beginnings[how]?.((server.address() as AddressInfo).port);
    await asked;
    leave?.();
    expect(await texts[0]).toBe(null);
  },
);
