/** What an operation has found out about going on for another viewer. One of the two is called, once. */
export interface Renewal {
  /** From this turn on only the new claims count. */
  commit(): void;
  abandon(): void;
}

const nothing = () => {};

export const unchanged: Renewal = { commit: nothing, abandon: nothing };

export const endsWith = (commit: () => void): Renewal => ({ commit, abandon: nothing });
