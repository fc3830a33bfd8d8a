import { Fault } from '../../event/faults.js';
import { defaultCluster } from '../../event/source-event.js';
import type { Addressed, Audience } from '../../graphql/audience.js';
import type { AppendEntry, ChannelLogWriter } from '../../log/channel-log.js';
import { readBack } from '../../log/entry.js';
import { createLocalFeed, type LocalFeed, type MadeRecord } from '../../relay/feed.js';
import { createRelay, type RelayOptions } from '../../relay/relay.js';
import { routeRecord, routingOf } from '../../relay/route.js';
import type { StreamSchema } from '../../schema/stream-schema.js';
import { jsonObject } from '../../serve/answer.js';
import { numeral, type Outcome, outcomeOf } from './outcome.js';
import { mostOfRecord, postShape } from './post.js';
import { unknownTopic } from './unknown-topic.js';

export interface DeskOptions extends Pick<RelayOptions, 'metrics' | 'logger'> {
  readonly schema: StreamSchema;
  readonly log: ChannelLogWriter;
  audience(events: readonly Addressed[]): Audience;
}

/** Takes records in this process and brings them through the relay: those that are sent, and samples. */
export interface Desk {
  /** Answers a post of `tailrace send` with what became of its records. Throws Fault BAD_USER_INPUT. */
  answer(body: string): Promise<{ readonly status: number; readonly text: string }>;
  /** Resolves when they are in the log. */
  push(topic: string, records: readonly MadeRecord[]): Promise<unknown>;
  close(): void;
}

/** The cluster that records of `dev` are of: an id that no Kafka has. */
const cluster = 'dev';

export function openDesk({ schema, log, audience, metrics, logger }: DeskOptions): Desk {
  const feeds = new Map<string, LocalFeed>();
  /** Who would get the events of the post in hand, by the offsets of their records. */
  const heard = new Map<number, Audience>();
  let topicInHand: string | null = null;
  let busy: Promise<unknown> = Promise.resolve();

  const watched: ChannelLogWriter = {
    ...log,
    append(batch) {
      const answer = log.append(batch);
      // The audience is asked in the same turn of the event loop: a moment later another stream may be open, to which none of this comes.
      if (batch.source.topic === topicInHand) for (const own of byRecord(batch.entries)) note(own);
      return answer;
    },
  };
  const relay = createRelay({ schema, log: watched, cluster, metrics, logger });

  function note([first, ...more]: readonly [AppendEntry, ...AppendEntry[]]): void {
    const events = [first, ...more].map((entry) => {
      return { source: readBack(entry), channels: entry.channels.map(({ channel }) => channel) };
    });
    heard.set(first.record.offset, audience(events));
  }

  function feedOf(topic: string): LocalFeed {
    const feed = feeds.get(topic) ?? createLocalFeed(relay, topic);
    feeds.set(topic, feed);
    return feed;
  }

  async function take(body: string): Promise<readonly Outcome[]> {
    const post = postShape.safeParse(jsonObject(body, 'the body'));
    if (!post.success) throw new Fault('BAD_USER_INPUT', { why: 'the body is no post of `tailrace send`' });
    const { topic, key, headers, timestamp, records } = post.data;
    const plan = schema.topics.in(defaultCluster).get(topic);
    if (plan === undefined)
      throw new Fault('BAD_USER_INPUT', { why: unknownTopic(topic, schema, 'The schema of dev') });
    const values = records.map((text) => Buffer.from(text));
    if (values.some(({ length }) => length > mostOfRecord))
      throw new Fault('BAD_USER_INPUT', { why: `a record has more than ${numeral(mostOfRecord)} bytes` });
    if (values.length === 0) return [];

    topicInHand = topic;
    heard.clear();
    const time = timestamp ?? Date.now();
    const made = values.map((value) => ({
      key: key === null ? null : Buffer.from(key),
      headers,
      timestamp: time,
      value,
    }));
    const first = await feedOf(topic).push(made);
    const routing = routingOf(plan, '');
    return made.map((record, i) => {
      const place = { topic, partition: 0, offset: first + i };
      const routed = routeRecord({ ...record, ...place }, routing, false);
      return outcomeOf(place, routed, plan, heard.get(place.offset) ?? null);
    });
  }

  return {
    async answer(body) {
      // Posts are taken one after the other: what is noted would else be of two.
      const taken = busy.then(() => take(body));
      busy = taken.catch(() => {}).then(() => (topicInHand = null));
      return { status: 200, text: JSON.stringify({ outcomes: await taken }) };
    },
    push: (topic, records) => feedOf(topic).push(records),
    close() {
      for (const feed of feeds.values()) feed.close();
    },
  };
}

/** Entries of one record stand together. */
function* byRecord(entries: readonly AppendEntry[]): Generator<[AppendEntry, ...AppendEntry[]]> {
  for (let from = 0; from < entries.length; ) {
    const first = entries[from] as AppendEntry;
    const end = entries.findIndex(({ record }, i) => i > from && record.offset !== first.record.offset);
    const more = entries.slice(from + 1, end < 0 ? entries.length : end);
    yield [first, ...more];
    from += 1 + more.length;
  }
}
