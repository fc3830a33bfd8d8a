import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { prometheusGateway, prometheusRelay } from '../../src/observe/prometheus.js';

const text = readFileSync('docs/operating.md', 'utf8');

const section = (from: string, to: string) => text.slice(text.indexOf(`\n${from}\n`), text.indexOf(`\n${to}\n`));
/** Those that a table explains, in its first column, each with its labels. */
const explained = (part: string) =>
  [...part.matchAll(/^\| `(tailrace_\w+)`(?: `\{([\w,]*)\}`)? \|/gm)].map(
    ([, name, labels = '']) => `${name} ${labels}`,
  );

async function registered(exposition: { text(): Promise<string> }): Promise<string[]> {
  return [...(await exposition.text()).matchAll(/^# TYPE (\w+) /gm)].map(([, name = '']) => name);
}

describe('docs/operating.md explains every metric, and none that is not there', () => {
  const processes = [
    ['relay', section('### Of a relay', '### Of a gateway'), prometheusRelay],
    ['gateway', section('### Of a gateway', '### Five alerts to begin with'), prometheusGateway],
  ] as const;

  test.each(processes)('of a %s', async (_, part, open) => {
    const names = explained(part).map((line) => line.split(' ')[0]);
    expect(names.sort()).toEqual((await registered(open().exposition)).sort());
  });

  test.each(processes)('of a %s, with its labels', (_, part) => {
    const source = readFileSync('src/observe/prometheus.ts', 'utf8');
    const calls = [...source.matchAll(/(?:counter|gauge)\(\s*'(\w+)',\s*(?:'[^']*'|"[^"]*"|`[^`]*`)([^)]*)\)/g)];
    const labels = new Map(
      calls.map(([, name, rest = '']) => [
        `tailrace_${name}`,
        [...rest.matchAll(/'(\w+)'/g)].map(([, one]) => one).join(),
      ]),
    );
    labels.set('tailrace_gateway_delivery_latency_seconds', 'field');
    for (const line of explained(part)) {
      const [name = '', told] = line.split(' ');
      expect(`${name} ${told}`).toBe(`${name} ${labels.get(name)}`);
    }
  });

  test('and names no other anywhere', async () => {
    const known = (
      await Promise.all([prometheusRelay(), prometheusGateway()].map((one) => registered(one.exposition)))
    ).flat();
    const named = [...text.matchAll(/\btailrace_\w+/g)].map(([name]) => name);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });
});
