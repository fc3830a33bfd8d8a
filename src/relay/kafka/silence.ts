import type { Consumer } from 'kafkajs';

/** Milliseconds. An answer that took longer counts as none. */
const patience = 5_000;

/**
 * Why no records come though the consumer is a member of its group and nothing fails: Kafka does not answer it, or so
 * late that its place in the group is gone before it has joined. kafkajs waits 30 s for each answer, and joins anew, for
 * ever, without a word. Null while Kafka answers.
 *
 * A consumer asks at least once a second, also while its partitions are paused or their records wait for the log: then it
 * sends heartbeats. `now` is a clock that never goes back, in milliseconds.
 */
export function listenForSilence(
  consumer: Pick<Consumer, 'on' | 'events'>,
  now: () => number = () => performance.now(),
): () => string | null {
  let answered = now();
  // With answers that are late one after the other, it would be silent and not, in turns, all the time.
  consumer.on(consumer.events.REQUEST, ({ payload }) => {
    if (payload.duration <= patience) answered = now();
  });
  return () => {
    const silent = now() - answered;
    return silent > patience ? `Kafka has not answered in time for ${Math.floor(silent / 1_000)} s` : null;
  };
}
