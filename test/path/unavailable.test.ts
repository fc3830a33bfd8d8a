import { describe, expect, test } from 'vitest';
import { LogUnavailable } from '../../src/log/channel-log.js';
import { createMemoryLog } from '../../src/log/memory-log.js';
import { resumingWebSocket } from '../support/clients/resuming.js';
import { eventually } from '../support/eventually.js';
import { listen, listenSse, river, tokenFor } from '../support/river.js';

const sdl = `
  type Subscription { note: Note! @kafka(topic: "notes") @where(rule: "event.userId == claims.sub") }
  type Note { id: Int! userId: ID! }`;
const query = 'subscription { note { id } }';

/** A log whose tail cannot be opened until it is mended. */
function brokenLog() {
  const log = createMemoryLog();
  let broken = true;
  return {
    mend: () => {
      broken = false;
    },
    log: {
      ...log,
      close: async () => {},
      tail: (listener: Parameters<typeof log.tail>[0]) =>
        broken ? Promise.reject(new LogUnavailable('it is away')) : log.tail(listener),
    },
  };
}

describe('while a replica cannot reach the log', () => {
  test('a WebSocket is closed with 1013, so that the client comes back by itself', async () => {
    const { log } = brokenLog();
    await using r = await river(sdl, { log });
    await using refused = listen(r.wsUrl, query, { token: await tokenFor({ sub: 'ada' }) });
    expect(await refused.ended).toMatchObject({ code: 1013, reason: 'Not available now: the log cannot be reached' });
  });

  test('a client that retries is served as soon as it can be', async () => {
    const { log, mend } = brokenLog();
    await using r = await river(sdl, { log });
    const client = resumingWebSocket(r.wsUrl, await tokenFor({ sub: 'ada' }), query);
    await eventually('it was turned away', () => client.reconnects() > 0);
    mend();
    await eventually('it is subscribed', () => r.subscribed() === 1);
    client.close();
  });

  test('a stream by POST gets 503 and may retry', async () => {
    const { log } = brokenLog();
    await using r = await river(sdl, { log });
    await using refused = listenSse(r.url, query, { token: await tokenFor({ sub: 'ada' }) });
    expect(await refused.ended).toMatchObject({ response: { status: 503 } });
  });
});
