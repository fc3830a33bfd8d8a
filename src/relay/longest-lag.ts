/** Remembers the longest of the lags of one to two `spans`, ms by the records' own time. */
export function longestLag(span: number) {
  let begin = Number.NEGATIVE_INFINITY;
  let [before, now] = [0, 0];
  return (timestamp: number, lag: number): number => {
    if (timestamp - begin > span) [begin, before, now] = [timestamp, now, 0];
    now = Math.max(now, lag);
    return Math.max(before, now);
  };
}
