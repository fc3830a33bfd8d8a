import { setTimeout as pause } from 'node:timers/promises';
import type { Admin, ITopicConfig } from 'kafkajs';

/** What a broker says of a topic that the controller has made and the broker has not heard of, or not yet leads. */
const soon = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE']);

/**
 * Makes the topics that are missing, and resolves when the broker asked knows a leader for each partition: true when
 * some were made, false when all were there. Throws what Kafka answers, or its last answer after `within` milliseconds.
 *
 * kafkajs' own `waitForLeaders` throws at the first broker that learns of the topic later than the client asks, as a
 * busy one with KRaft does: the topic was made, and whoever asked for it failed.
 */
export async function makeTopics(admin: Admin, topics: readonly ITopicConfig[], within = 30_000): Promise<boolean> {
  const made = await admin.createTopics({ topics: [...topics], waitForLeaders: false });
  const until = performance.now() + within;
  for (;;) {
    try {
      await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) });
      return made;
    } catch (error) {
      if (!soon.has((error as { type?: string }).type ?? '') || performance.now() > until) throw error;
      await pause(50);
    }
  }
}
