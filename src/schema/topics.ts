import type { TopicPlan } from './stream-schema.js';

/** The topics of a schema, by cluster and name: two clusters may have topics of one name. */
export class TopicPlans implements Iterable<TopicPlan> {
  readonly #clusters = new Map<string, Map<string, TopicPlan>>();

  constructor(plans: Iterable<TopicPlan>) {
    for (const plan of plans) {
      const topics = this.#clusters.get(plan.cluster) ?? new Map<string, TopicPlan>();
      this.#clusters.set(plan.cluster, topics.set(plan.topic, plan));
    }
  }

  /** The topics of a cluster, by the name that the schema has for it; empty where it names none. */
  in(cluster: string): ReadonlyMap<string, TopicPlan> {
    return this.#clusters.get(cluster) ?? none;
  }

  *[Symbol.iterator](): Iterator<TopicPlan> {
    for (const topics of this.#clusters.values()) yield* topics.values();
  }
}

const none: ReadonlyMap<string, TopicPlan> = new Map();
