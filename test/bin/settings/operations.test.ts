import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Refusal } from '../../../src/bin/process/refusal.js';
import { loadOperations } from '../../../src/bin/settings/load.js';

test('persisted operations come from their file; one that is none is a sentence with its name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-operations-'));
  const file = join(folder, 'manifest.json');
  writeFileSync(file, '{"abc": "{ version }"}');
  expect(loadOperations(true, file)).toEqual({ persisted: new Map([['abc', '{ version }']]), only: true });
  expect(loadOperations(false, null)).toEqual({ persisted: new Map(), only: false });
  writeFileSync(file, '[]');
  const refused = (why: string) => expect.objectContaining({ message: expect.stringContaining(why) });
  expect(() => loadOperations(true, file)).toThrow(
    refused(`${JSON.stringify(file)}, which is no manifest: it must be`),
  );
  rmSync(folder, { recursive: true });
  expect(() => loadOperations(true, file)).toThrow(refused('cannot be read (ENOENT)'));
  expect(() => loadOperations(true, file)).toThrow(Refusal);
});
