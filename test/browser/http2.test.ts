import type { Page } from 'playwright-core';
import { afterAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { fleet, positions, sampleRiver, subscribed } from '../support/sample.js';
import { certificateAuthority } from '../support/servers/certificates.js';
import { door } from '../support/servers/door.js';
import { browser } from './chromium.js';

const authority = certificateAuthority();
afterAll(() => authority[Symbol.dispose]());
const tls = authority.issue('gateway');

/** So many of the browser's own `EventSource`s in one page; gives the latitudes that each has heard. */
async function listen(page: Page, count: number): Promise<() => Promise<number[][]>> {
  const at = await page.evaluateHandle((count) => {
    const path = `/graphql/stream?query=${encodeURIComponent('subscription { vehicle { lat } }')}`;
    return Array.from({ length: count }, () => {
      const lats: number[] = [];
      new EventSource(path).addEventListener('next', ({ data }) => lats.push(JSON.parse(data).data.vehicle.lat));
      return lats;
    });
  }, count);
  return () => at.jsonValue();
}

describe('a page with ten EventSources on one origin', () => {
  test('has them all over TLS, on one connection, beside its queries; and each resumes after it broke', async () => {
    await using chromium = await browser('--ignore-certificate-errors');
    await using r = await sampleRiver({ tls });
    const other = await r.replica();
    await using front = await door(r);
    const page = await chromium.open(front.url.replace('http:', 'https:').replace('/graphql', '/healthz'));
    const heard = await listen(page, 10);
    await subscribed(r, 10);
    const before = front.count();
    await r.publish(fleet, positions(1, 'tram-6-01'));
    await eventually('all have heard it', async () => (await heard()).every((lats) => lats.length === 1));
    const version = await page.evaluate(async () => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch('/graphql', { method: 'POST', headers, body: '{"query":"{ version }"}' });
      const [entry] = performance.getEntriesByType('navigation') as PerformanceResourceTiming[];
      return { body: await answer.json(), protocol: entry?.nextHopProtocol };
    });
    expect(version).toEqual({ body: { data: { version: '1.2.3' } }, protocol: 'h2' });
    expect(front.count()).toBe(before);

    front.lead(other);
    front.cut();
    await r.publish(fleet, positions(2, 'tram-6-01'));
    await eventually('all have what they missed', async () => (await heard()).every((lats) => lats.length === 2));
    expect(await heard()).toEqual(Array.from({ length: 10 }, () => [1, 2]));
  });

  test('and one WebSocket beside them, by HTTP/1.1 on the same port', async () => {
    await using chromium = await browser('--ignore-certificate-errors');
    await using r = await sampleRiver({ tls });
    const page = await chromium.open(r.url.replace('http:', 'https:').replace('/graphql', '/healthz'));
    const heard = await listen(page, 10);
    await subscribed(r, 10);
    const answer = await page.evaluate(async () => {
      const socket = new WebSocket(`wss://${location.host}/graphql`, 'graphql-transport-ws');
      socket.onopen = () => socket.send('{"type":"connection_init"}');
      return new Promise((resolve) => {
        socket.onmessage = ({ data }) => resolve(data);
      });
    });
    expect(answer).toContain('"type":"connection_ack"');
    await r.publish(fleet, positions(1, 'tram-6-01'));
    await eventually('all have heard it', async () => (await heard()).every((lats) => lats.length === 1));
  });

  test('has six of them without TLS: that is what browsers allow HTTP/1.1', async () => {
    await using chromium = await browser();
    await using r = await sampleRiver();
    const page = await chromium.open(r.url.replace('/graphql', '/healthz'));
    const heard = await listen(page, 10);
    await subscribed(r, 6);
    await r.publish(fleet, positions(1, 'tram-6-01'));
    await eventually('six have heard it', async () => (await heard()).flat().length === 6);
  });
});
