import { describe, expect, test } from 'vitest';
import { eventsOf } from '../../support/clients/event-stream.js';
import { eventually } from '../../support/eventually.js';
import { type Result, type River, tokenFor } from '../../support/river.js';
import { fleet, pay, positions, sampleRiver } from '../../support/sample.js';

const trams = 'subscription { vehicle { lat } }';

interface Asked {
  readonly header?: string;
  /** What the URL says beside the query. */
  readonly params?: readonly (readonly [string, string])[];
  readonly method?: 'GET' | 'POST';
  readonly path?: string;
  readonly query?: string;
}

function ask(r: River, { header, params = [], method = 'GET', path = '/stream', query = trams }: Asked) {
  const asked = method === 'GET' ? [['query', query] as [string, string]] : [];
  const url = `${r.url}${path}?${new URLSearchParams([...asked, ...params.map(([name, value]) => [name, value])])}`;
  return fetch(url, {
    method,
    headers: {
      accept: 'text/event-stream',
      ...(header === undefined ? {} : { 'last-event-id': header }),
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
    },
    ...(method === 'POST' ? { body: JSON.stringify({ query }) } : {}),
  });
}

/** Latitudes of what comes until one of them is `last`. */
async function until(response: Response, last: number): Promise<number[]> {
  expect(response.status).toBe(200);
  return (await nextUntil(response, last)).map(({ lat }) => lat);
}

/** Latitude and cursor of each event until a latitude is `last`. */
async function nextUntil(response: Response, last: number): Promise<{ lat: number; cursor: string }[]> {
  const found: { lat: number; cursor: string }[] = [];
  for await (const { event, data } of eventsOf(response)) {
    if (event !== 'next' || !data) continue;
    const result = JSON.parse(data) as Result;
    found.push({ lat: result.data.vehicle.lat, cursor: result.extensions.cursor });
    if (found.at(-1)?.lat === last) break;
  }
  return found;
}

/** Cursors of four events, with latitudes 1 to 4. */
async function cursors(r: River): Promise<string[]> {
  for (const lat of [1, 2, 3, 4]) await r.publish(fleet, positions(lat, `tram-${lat}`));
  const response = await ask(r, { query: 'subscription @resume(rewind: 4) { vehicle { lat } }' });
  return (await nextUntil(response, 4)).map(({ cursor }) => cursor);
}

describe('a stream begins after the cursor that the URL has', () => {
  const names = ['lastEventId', 'last-event-id'];

  test.each(names.flatMap((name) => [['GET', name] as const, ['POST', name] as const]))(
    'by %s and %s, on both paths',
    async (method, name) => {
      await using r = await sampleRiver();
      const [, second] = (await cursors(r)) as [string, string];
      for (const path of ['', '/stream']) {
        expect(await until(await ask(r, { params: [[name, second]], method, path }), 4)).toEqual([3, 4]);
      }
    },
  );

  test('and the header comes before it', async () => {
    await using r = await sampleRiver();
    const [first, , third] = (await cursors(r)) as [string, string, string];
    for (const name of names) {
      expect(await until(await ask(r, { header: third, params: [[name, first]] }), 4)).toEqual([4]);
      expect(await until(await ask(r, { header: third, params: [[name, 'rubbish']] }), 4)).toEqual([4]);
    }
  });

  test('and it comes before extensions.after', async () => {
    await using r = await sampleRiver();
    const [first, , third] = (await cursors(r)) as [string, string, string];
    const extensions = JSON.stringify({ after: first });
    expect(
      await until(
        await ask(r, {
          params: [
            ['extensions', extensions],
            ['lastEventId', third],
          ],
        }),
        4,
      ),
    ).toEqual([4]);
  });

  test('and of several the last, for stand-ins append their own to what the page has put there', async () => {
    await using r = await sampleRiver();
    const [first, , third] = (await cursors(r)) as [string, string, string];
    for (const one of names) {
      for (const other of names) {
        expect(
          await until(
            await ask(r, {
              params: [
                [one, first],
                [other, third],
              ],
            }),
            4,
          ),
        ).toEqual([4]);
        expect(
          await until(
            await ask(r, {
              params: [
                [one, third],
                [other, ''],
              ],
            }),
            4,
          ),
        ).toEqual([4]);
      }
    }
  });

  test('and an empty one is none', async () => {
    await using r = await sampleRiver();
    await cursors(r);
    const response = await ask(r, {
      params: [
        ['lastEventId', ''],
        ['last-event-id', ''],
      ],
    });
    await eventually('it has started', () => r.subscribed() === 1);
    await r.publish(fleet, positions(5, 'tram-5'));
    expect(await until(response, 5)).toEqual([5]);
  });

  test.each(['rubbish', ' ', '%00', 'é', 'x\ny'])('and %j is refused as by the header', async (rubbish) => {
    await using r = await sampleRiver();
    for (const method of ['GET', 'POST'] as const) {
      const byHeader = await ask(r, { header: 'rubbish', method });
      const byUrl = await ask(r, { params: [['lastEventId', rubbish]], method });
      expect(byUrl.status).toBe(byHeader.status);
      const [one, other] = [await byHeader.text(), await byUrl.text()];
      if (method === 'POST') expect([one, other].map((text) => text.includes('CURSOR_INVALID'))).toEqual([true, true]);
    }
  });
});

test('a used ticket opens a stream again by the cursor in the URL, and not without one', async () => {
  await using r = await sampleRiver();
  const headers = { authorization: `Bearer ${await tokenFor({ sub: 'ada' })}` };
  const { ticket } = (await (await fetch(`${r.url}/ticket`, { method: 'POST', headers })).json()) as Result;
  const query = 'subscription @resume(rewind: 1) { transaction { id } }';
  await pay(r, 'ada', 1);
  const statusOf = async (params: Asked['params'] = []) => {
    const { status, body } = await ask(r, { query, params: [['ticket', ticket], ...params] });
    await body?.cancel();
    return status;
  };
  expect(await statusOf()).toBe(200);
  expect(await statusOf()).toBe(401);
  expect(await statusOf([['lastEventId', '']])).toBe(401);
  // What a stream is told that has no cursor yet.
  expect(await statusOf([['lastEventId', 'again']])).toBe(200);
});
