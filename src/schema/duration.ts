const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Milliseconds of `250ms`, `30s`, `10m`, `1h`; null for anything else, and for nothing at all (`0s`). */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,9})(ms|s|m|h)$/.exec(text);
  if (match === null) return null;
  const milliseconds = Number(match[1]) * units[match[2] as keyof typeof units];
  return milliseconds > 0 ? milliseconds : null;
}
