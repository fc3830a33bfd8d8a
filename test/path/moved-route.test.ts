import { describe, expect, test } from 'vitest';
import type { Gap } from '../../src/client/index.js';
import { silent } from '../../src/observe/logger.js';
import { noRelayMetrics } from '../../src/observe/metrics.js';
import { createRelay } from '../../src/relay/relay.js';
import type { StreamSchema } from '../../src/schema/stream-schema.js';
import { graphqlWs } from '../client/kinds.js';
import { eventually } from '../support/eventually.js';
import { fakePartition, recordAt } from '../support/relay/relay-world.js';
import { listen, type Result, river, tokenFor } from '../support/river.js';

const sdl = (rule: string) => `
  type Subscription { note: Note! @kafka(topic: "notes") @where(rule: "${rule}") }
  type Note { id: Int! userId: ID! team: ID! }`;
const before = sdl('event.userId == claims.sub');
const after = sdl('event.team == claims.team && event.userId == claims.sub');
const query = 'subscription { note { id } }';
// Who does not answer until the next one is cut off.
const heartbeat = 200;
const idsOf = (results: Result[]) =>
  results.map(({ data, extensions: { gap } }) => (gap ? `${data.note.id} ${gap.reason}` : data.note.id));

/** A gateway by each of two schemas, over one log, and relays by either. */
async function twoSchemas() {
  const old = await river(before, { heartbeat });
  const next = await river(after, { heartbeat, log: { ...old.log, close: async () => {} } });
  const kafka = fakePartition([]);
  let relayed: Promise<{ take(): Promise<void> }> | null = null;

  async function relay(schema: StreamSchema) {
    const parts = { log: old.log, cluster: 'test', metrics: noRelayMetrics, logger: silent };
    const partition = createRelay({ ...parts, schema }).partition('notes', 0, kafka);
    let { position } = await partition.start();
    return {
      async take() {
        while (position < kafka.end) ({ position } = await partition.take(kafka.fetch(position)));
      },
    };
  }

  return {
    old,
    next,
    /** Into Kafka, and by the relay of now into the log. */
    async write(...ids: number[]) {
      for (const id of ids) {
        const note = { id, userId: 'ada', team: 'blue' };
        kafka.records.push(recordAt(kafka.end++, note, { topic: 'notes', timestamp: Date.now() }));
      }
      relayed ??= relay(old.streams);
      await (await relayed).take();
    },
    async changeRelays() {
      relayed = relay(next.streams);
      await relayed;
    },
    async [Symbol.asyncDispose]() {
      await next[Symbol.asyncDispose]();
      await old[Symbol.asyncDispose]();
    },
  };
}

describe('a route moves and relays are changed first', () => {
  test('a WebSocket client that is cut off while its gap waits resumes on the new gateway and has every event that the new route holds', async () => {
    await using w = await twoSchemas();
    const token = await tokenFor({ sub: 'ada', team: 'blue' });
    const pings: { readonly cursors: { readonly [id: string]: string }; readonly gaps?: object }[] = [];
    let cursor: string | undefined;
    // A client as PROTOCOL.md has it, that knows of gaps nothing: its cursor is that of an event, or a later ping's.
    await using first = listen(w.old.wsUrl, query, {
      token,
      onPing: (payload) => {
        const ping = (payload ?? { cursors: {} }) as (typeof pings)[number];
        pings.push(ping);
        [cursor = cursor] = Object.values(ping.cursors);
      },
    });
    await eventually('it has started', () => w.old.subscribed() === 1);
    await w.write(1);
    await eventually('its cursor', () => first.results.length === 1 && cursor !== undefined);

    await w.changeRelays();
    await w.write(2, 3);
    await eventually('heartbeats since', () => pings.filter(({ gaps }) => gaps).length > 2);
    first.close();
    await using back = listen(w.next.wsUrl, query, { token, extensions: { after: cursor, onGap: 'CONTINUE' } });
    await eventually('what the new route holds', () => back.results.length >= 2);
    await w.write(4);
    await eventually('what is new', () => back.results.length >= 3);
    expect(idsOf(back.results)).toEqual(['2 SCHEMA_CHANGED', 3, 4]);
  });

  test('whoever resumes by tailrace/client has them too, and is told the gap once', async () => {
    await using w = await twoSchemas();
    const token = await tokenFor({ sub: 'ada', team: 'blue' });
    const gaps: Gap[] = [];
    let { wsUrl } = w.old;
    await using client = graphqlWs(
      { url: w.old.url, token: async () => token, onGap: (gap) => void gaps.push(gap) },
      { url: () => wsUrl },
    );
    const { results, ends } = client.listen(query);
    await eventually('it has started', () => w.old.subscribed() === 1);
    await w.write(1);
    await eventually('the first event', () => results.length === 1);

    await w.changeRelays();
    await w.write(2, 3);
    await eventually('the gap is announced', () => gaps.length === 1);
    wsUrl = w.next.wsUrl;
    await w.old.retire();
    await eventually('what the new route holds', () => results.length >= 3);
    await w.write(4);
    await eventually('what is new', () => results.length >= 4);
    expect(idsOf(results)).toEqual([1, '2 SCHEMA_CHANGED', 3, 4]);
    expect(gaps.map(({ reason }) => reason)).toEqual(['SCHEMA_CHANGED']);
    expect(ends).toEqual([]);
  });
});
