import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { eventually } from '../support/eventually.js';
import { type Result, tokenFor } from '../support/river.js';
import { pay, sampleRiver, subscribed } from '../support/sample.js';
import { door } from '../support/servers/door.js';

/** It brings no types. */
interface Polyfill {
  addEventListener(type: string, listener: (event: { data: string }) => void): void;
  close(): void;
}
const { EventSourcePolyfill } = (await import('event-source-polyfill' as string)) as {
  EventSourcePolyfill: new (
    url: string,
    options?: { headers?: Record<string, string>; lastEventIdQueryParameterName?: string },
  ) => Polyfill;
};

/** It writes every connection that breaks to the console. */
beforeAll(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined));
afterAll(() => void vi.restoreAllMocks());

function listen(...[url, options]: ConstructorParameters<typeof EventSourcePolyfill>) {
  const source = new EventSourcePolyfill(url, options);
  const ids: string[] = [];
  source.addEventListener('next', ({ data }) => ids.push((JSON.parse(data) as Result).data.transaction.id));
  return { ids, [Symbol.dispose]: () => source.close() };
}

const mine = new URLSearchParams({ query: 'subscription { transaction { id } }' });

describe.each([
  ['/graphql', ''],
  ['/graphql/stream', '/stream'],
])('event-source-polyfill on %s', (_, path) => {
  test.each([{}, { lastEventIdQueryParameterName: 'last-event-id' }])(
    'comes back on another replica without a hole and without a repeat, with %j',
    async (options) => {
      await using r = await sampleRiver();
      const other = await r.replica();
      await using front = await door(r);
      const headers = { authorization: `Bearer ${await tokenFor({ sub: 'ada' })}` };
      using ada = listen(`${front.url}${path}?${mine}`, { headers, ...options });
      await subscribed(r, 1);
      await pay(r, 'ada', 1, 2);
      await eventually('two events', () => ada.ids.length === 2);
      front.lead(other);
      front.cut();
      await pay(r, 'ada', 3);
      await pay(r, 'grace', 4);
      await eventually('it is back with what it missed', () => ada.ids.length >= 3);
      await pay(r, 'ada', 5);
      await eventually('what is new', () => ada.ids.length >= 4);
      expect(ada.ids).toEqual(['1', '2', '3', '5']);
    },
  );

  test('comes back with its ticket', async () => {
    await using r = await sampleRiver();
    await using front = await door(r);
    const headers = { authorization: `Bearer ${await tokenFor({ sub: 'ada' })}` };
    const { ticket } = (await (await fetch(`${r.url}/ticket`, { method: 'POST', headers })).json()) as Result;
    using ada = listen(`${front.url}${path}?${mine}&ticket=${ticket}`);
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await eventually('an event', () => ada.ids.length === 1);
    front.cut();
    await pay(r, 'ada', 2);
    await eventually('it is back with what it missed', () => ada.ids.length >= 2);
    expect(ada.ids).toEqual(['1', '2']);
  });
});
