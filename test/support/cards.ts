import type { Channel } from '../../src/event/channel.js';
import { originOf } from '../../src/event/origin.js';
import { createGateway, type GatewayOptions } from '../../src/index.js';
import type { AppendEntry } from '../../src/log/channel-log.js';
import { connectRedis } from '../../src/log/redis-connection.js';
import { redisKeys } from '../../src/log/redis-keys.js';
import { createRedisLogWriter } from '../../src/log/redis-writer.js';
import { silent } from '../../src/observe/logger.js';
import { compileSchema } from '../../src/schema/compile.js';
import { source } from '../log/contract.js';
import { eventually } from './eventually.js';
import { metaAt } from './meta.js';
import { listen, secret, tokenFor } from './river.js';

/** With retention of its own a channel expires within a test. */
export const cardsSchema = (retain = '10m') => `
  type Subscription {
    card: Card! @kafka(topic: "cards") @where(rule: "event.user == claims.sub") @history(retain: "${retain}", max: 100000)
  }
  type Card { n: Int! user: ID! }`;
export const query = 'subscription { card { n } }';
const { schema: streams } = compileSchema(cardsSchema(), { retention: { retain: 600_000, max: 100_000 } });
const route = streams?.topics.in('default').get('cards')?.extractors[0]?.routes[0];
/** Where in Redis the events of a user are. */
export const keyOf = (user: string) => redisKeys('tailrace').channel(0, route?.channel({ user }) as Channel);

/**
 * What a relay does with one partition of a topic: events numbered by their offsets, of `ada` unless said otherwise, each in
 * the log once. When the log lost some, they are written again: all of them, or the newest `refillMax`.
 */
export function feed(url: string, refillMax = Number.POSITIVE_INFINITY, retain = 600_000) {
  const redis = connectRedis(url, 'feed', silent);
  const writer = createRedisLogWriter(redis, { prefix: 'tailrace' });
  const retention = { retain, max: 100_000 };
  const made: { readonly timestamp: number; readonly user: string }[] = [];
  let end = 0;
  let state: { epoch: string; next: number; first: boolean } | null = null;
  const entryAt = (offset: number, refilled: boolean): AppendEntry => {
    const { timestamp, user } = made[offset] as (typeof made)[number];
    const event = { n: offset, user };
    return {
      origin: originOf(source, null),
      record: metaAt('cards', offset, { timestamp }),
      index: 0,
      payload: JSON.stringify(event),
      channels: [{ channel: route?.channel(event) as Channel, retention }],
      refilled,
    };
  };

  async function bring(from: number, to: number, known: number): Promise<void> {
    if (!state) throw new Error('no place yet');
    const entries = Array.from({ length: to - from }, (_, i) => entryAt(from + i, from + i < known));
    const answer = await writer.append({
      source,
      epoch: state.epoch,
      base: from,
      next: to,
      first: state.first,
      last: null,
      entries,
      gap: null,
      routes: [],
      fingerprint: 'fp',
    });
    if (answer.kind !== 'appended') throw new Error(answer.kind);
    state = { ...state, next: to, first: false };
  }

  return {
    get end() {
      return end;
    },
    /** Appends `count` new events, as often as it takes. */
    async append(count: number, user = 'ada'): Promise<void> {
      const known = end;
      end += count;
      for (let n = 0; n < count; n++) made.push({ timestamp: Date.now(), user });
      await eventually(`the log has ${end} events`, async () => {
        try {
          if (!state) {
            const { epoch, watermark } = await writer.partition(source);
            const oldest = Math.max(0, known - refillMax);
            state = { epoch, next: Math.max(watermark ?? 0, oldest), first: watermark === null };
          }
          while (state.next < end) await bring(state.next, Math.min(end, state.next + 100), known);
          return true;
        } catch {
          state = null;
          return false;
        }
      });
    },
    /** As relays do now and then, also while nothing comes. */
    look: () => writer.partition(source),
    redis,
    [Symbol.asyncDispose]: () => writer.close(),
  };
}

/** A gateway over this Redis, with the settings of a test; resolves when it listens. */
export async function gatewayOn(url: string, settings: Partial<GatewayOptions> = {}) {
  const gateway = createGateway({
    schema: cardsSchema(),
    auth: { secrets: [secret] },
    cursorSecrets: ['cursor secret'],
    redis: { url },
    retirePeriod: 0,
    logger: silent,
    ...settings,
  });
  const port = await gateway.listen(0, '127.0.0.1');
  return {
    ready: gateway.ready,
    revoke: gateway.revoke,
    url: `http://127.0.0.1:${port}/graphql`,
    wsUrl: `ws://127.0.0.1:${port}/graphql`,
    [Symbol.asyncDispose]: () => gateway.retire(),
  };
}

/** As `gatewayOn`; resolves when it is ready. */
export async function readyGatewayOn(url: string, settings: Partial<GatewayOptions> = {}) {
  const gateway = await gatewayOn(url, settings);
  await eventually('the gateway is ready', async () => (await gateway.ready()) === null);
  return gateway;
}

/** Ada, once her subscription has its first cursor. */
export async function ada(wsUrl: string, after?: string, life?: number) {
  const cursors: string[] = [];
  // By a clock that is as far behind, it was issued just now.
  const issued = { iat: Math.floor((Date.now() - (life ?? 0)) / 1_000) };
  const client = listen(wsUrl, query, {
    token: await tokenFor({ sub: 'ada', ...issued }, life),
    onPing: (payload) =>
      cursors.push(...Object.values((payload as { cursors?: Record<string, string> })?.cursors ?? {})),
    ...(after === undefined ? {} : { extensions: { after } }),
  });
  await eventually('ada is subscribed', () => cursors.length > 0);
  return {
    cursors,
    /** From right after its nth event. */
    cursorAfter: (n: number) => client.results[n - 1]?.extensions.cursor as string,
    numbers: () => client.results.map((result) => result.data.card.n),
    gaps: () => client.results.filter((result) => result.extensions.gap),
    close: client.close,
    [Symbol.asyncDispose]: client[Symbol.asyncDispose],
  };
}

export const upTo = (end: number, from = 0) => Array.from({ length: end - from }, (_, i) => from + i);
