import { describe, expect, test } from 'vitest';
import { listen, listenSse, type Result, tokenFor } from '../support/river.js';
import { sampleRiver, subscribed } from '../support/sample.js';

const trams = 'subscription { vehicle { lat } }';
const json = { 'content-type': 'application/json' };

describe('a path with a slash at its end is the same path', () => {
  test('for queries, by POST and by GET', async () => {
    await using r = await sampleRiver();
    const body = JSON.stringify({ query: '{ version }' });
    for (const asked of [
      fetch(`${r.url}/`, { method: 'POST', headers: json, body }),
      fetch(`${r.url}/?query=%7Bversion%7D`),
    ]) {
      const answer = await asked;
      expect([answer.status, ((await answer.json()) as Result).data]).toEqual([200, { version: '1.2.3' }]);
    }
  });

  test('for event streams', async () => {
    await using r = await sampleRiver();
    for (const [at, path] of ['/', '/stream/'].entries()) {
      const events = listenSse(r.url + path, trams);
      await subscribed(r, at + 1);
      void events;
    }
    for (const path of ['/', '/stream/']) {
      const headers = { accept: 'text/event-stream' };
      const answer = await fetch(`${r.url}${path}?${new URLSearchParams({ query: trams })}`, { headers });
      expect([answer.status, answer.headers.has('tailrace-stream')]).toEqual([200, true]);
      await answer.body?.cancel();
    }
  });

  test('for WebSockets', async () => {
    await using r = await sampleRiver();
    await using trammy = listen(`${r.wsUrl}/`, trams);
    await subscribed(r, 1);
    expect(trammy.results).toEqual([]);
  });

  test('for tickets and renewals', async () => {
    await using r = await sampleRiver();
    const headers = { ...json, authorization: `Bearer ${await tokenFor({ sub: 'ada' })}` };
    expect((await fetch(`${r.url}/ticket/`, { method: 'POST', headers })).status).toBe(201);
    const body = JSON.stringify({ id: 'nobody', token: 'x' });
    const renewed = (path: string) => fetch(r.url + path, { method: 'POST', headers, body });
    expect((await renewed('/renew/')).status).toBe((await renewed('/renew')).status);
    expect(((await (await renewed('/renew/')).json()) as Result).errors[0].extensions.code).not.toBe('BAD_REQUEST');
  });

  test('for health', async () => {
    await using r = await sampleRiver();
    const { origin } = new URL(r.url);
    for (const path of ['/healthz/', '/readyz/']) expect((await fetch(origin + path)).status).toBe(200);
  });

  test('for the single connection mode, which is refused there too', async () => {
    await using r = await sampleRiver();
    expect((await fetch(`${r.url}/stream/`, { method: 'PUT' })).status).toBe(501);
  });

  test('and a token in its URL is refused', async () => {
    await using r = await sampleRiver();
    for (const path of ['/', '/stream/', '/ticket/', '/renew/']) {
      expect((await fetch(`${r.url}${path}?token=x`, { method: 'POST' })).status, path).toBe(401);
    }
  });

  test('but two slashes are another path', async () => {
    await using r = await sampleRiver();
    const { origin } = new URL(r.url);
    for (const path of ['/graphql//', '//graphql', '/graphql//stream', '/']) {
      expect((await fetch(origin + path)).status, path).toBe(404);
    }
  });
});
