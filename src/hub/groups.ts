import type { Group, GroupPlan } from './group.js';

/** The groups of this replica, by key. A group lives as long as it has seats, or someone who waits for it to join. */
export interface Groups {
  all(): Iterable<Group>;
  /**
   * The group of this key, or a new one, once it hears its channels. Whoever gets it has a claim on it and gives it up
   * by `release`, after taking a seat or not. Throws LogUnavailable, and then there is no claim.
   */
  enter(plan: GroupPlan): Promise<Group>;
  release(group: Group): void;
  /** To be called when a seat was left. */
  left(group: Group): void;
}

export function createGroups(
  create: (plan: GroupPlan) => Group,
  leave: (group: Group) => void,
  changed: (count: number) => void,
): Groups {
  const groups = new Map<string, Group>();
  const claims = new Map<Group, number>();

  function left(group: Group) {
    if (group.seats.size > 0 || claims.has(group) || groups.get(group.plan.key) !== group) return;
    groups.delete(group.plan.key);
    leave(group);
    changed(groups.size);
  }

  function release(group: Group) {
    const others = (claims.get(group) ?? 0) - 1;
    if (others > 0) claims.set(group, others);
    else claims.delete(group);
    left(group);
  }

  return {
    all: () => groups.values(),
    async enter(plan) {
      const group = groups.get(plan.key) ?? create(plan);
      groups.set(plan.key, group);
      claims.set(group, (claims.get(group) ?? 0) + 1);
      changed(groups.size);
      try {
        await group.join();
        return group;
      } catch (error) {
        release(group);
        throw error;
      }
    },
    release,
    left,
  };
}
