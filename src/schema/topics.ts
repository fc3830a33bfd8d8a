import type { TopicName } from '../event/source-event.js';

/** What is known of topics, by cluster and name: two clusters may have topics of one name. */
export class Topics<T extends TopicName> implements Iterable<T> {
  readonly #clusters = new Map<string, Map<string, T>>();

  constructor(known: Iterable<T>) {
    for (const one of known) {
      const topics = this.#clusters.get(one.cluster) ?? new Map<string, T>();
      this.#clusters.set(one.cluster, topics.set(one.topic, one));
    }
  }

  /** The topics of a cluster, by the name that the schema has for it; empty where it names none. */
  in(cluster: string): ReadonlyMap<string, T> {
    return this.#clusters.get(cluster) ?? new Map<string, T>();
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const topics of this.#clusters.values()) yield* topics.values();
  }
}
