import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Section } from '../../bench/report.js';

/** Only that everything is measured and delivered: how fast, is for a machine of its own to say. */
describe('npm run bench', () => {
  test('measures every workload on every system, and each delivery is right', { timeout: 300_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-test-'));
    try {
      const args = [
        '--import',
        'tsx',
        'bench/run.ts',
        '--smoke',
        '--systems',
        'floor,tailrace,naive',
        '--results',
        folder,
      ];
      await promisify(execFile)(process.execPath, args);
      const { sections } = JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8')) as { sections: Section[] };
      expect(sections.map(({ name }) => name)).toEqual([
        'broadcast',
        'broadcast-most',
        'per-user',
        'parked',
        'slope',
        'transit',
        'sse',
        'tls',
        'idle',
        'connect',
        'relay',
      ]);
      for (const { name, rows, notes } of sections) {
        const measured = rows.map(({ system }) => system);
        // A rate that was not held has a note in its place.
        expect(measured.includes('tailrace') || notes.some((note) => note.startsWith('tailrace')), name).toBe(true);
        for (const { figures } of rows) expect(Object.values(figures).flat().every(Number.isFinite), name).toBe(true);
      }
      const slope = sections.find(({ name }) => name === 'slope');
      expect(slope?.rows.map(({ condition }) => condition)).toContain('140 users over HTTP/2');
      expect(readFileSync(join(folder, 'broadcast.svg'), 'utf8')).toContain('20 events/s · tailrace');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
