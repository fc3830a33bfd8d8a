export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Drawn in the stronger colour. */
  readonly own: boolean;
}

const escaped = (text: string): string => text.replace(/[<>&]/g, (c) => `&#${c.charCodeAt(0)};`);

/** Horizontal bars on one scale that begins at zero, as SVG. */
export function bars(title: string, all: readonly Bar[]): string {
  const most = Math.max(...all.map(({ value }) => value), Number.MIN_VALUE);
  const [left, right, step] = [300, 70, 24];
  const width = 760;
  const height = 44 + all.length * step;
  const rows = all.map(({ label, value, own }, i) => {
    const y = 40 + i * step;
    const long = ((width - left - right) * value) / most;
    return (
      `<text x="${left - 8}" y="${y + 13}" text-anchor="end">${escaped(label)}</text>` +
      `<rect x="${left}" y="${y}" width="${long.toFixed(1)}" height="17" fill="${own ? '#1f6f8b' : '#b9c6cc'}"/>` +
      `<text x="${(left + long + 6).toFixed(1)}" y="${y + 13}">${value.toPrecision(3)}</text>`
    );
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13" fill="#222">` +
    `<rect width="100%" height="100%" fill="#fff"/><text x="12" y="24" font-size="15">${escaped(title)}</text>${rows.join('')}</svg>\n`
  );
}
