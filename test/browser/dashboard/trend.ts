/** A straight line through points: how fast it rises, and how sure that is. */
export interface Trend {
  /** Of y, by one of x. */
  readonly slope: number;
  /** The standard error of the slope, by how far the points lie from the line. */
  readonly error: number;
}

/** Least squares; at least three points. */
export function trendOf(points: readonly (readonly [x: number, y: number])[]): Trend {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x0, y0] = [mean(0), mean(1)];
  const spread = points.reduce((sum, [x]) => sum + (x - x0) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0) / spread;
  const rest = points.reduce((sum, [x, y]) => sum + (y - y0 - slope * (x - x0)) ** 2, 0);
  return { slope, error: Math.sqrt(rest / (points.length - 2) / spread) };
}
