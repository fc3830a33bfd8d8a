import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-ladder-'));
  cpSync('biome.json', join(folder, 'biome.json'));
  cpSync('scripts/lint', join(folder, 'scripts/lint'), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the linter says of a file at this path with this one import; empty when it says nothing. */
function verdict(path: string, line: string): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${line}\n`);
  try {
    const biome = join(process.cwd(), 'node_modules/.bin/biome');
    const lint = ['lint', '--vcs-enabled=false', '--colors=off', path];
    const { status, stdout, stderr } = spawnSync(biome, lint, { cwd: folder, encoding: 'utf8' });
    return status === 0 ? '' : stdout + stderr;
  } finally {
    rmSync(file);
  }
}

describe('imports point upstream', () => {
  test.each([
    [
      'src/hub/hub.ts',
      '../graphql/project.js',
      'hub/ may import event, schema and log, never kafka, relay, graphql or serve',
    ],
    ['src/log/redis-log.ts', '../hub/hub.js', 'log/ may import event and schema, never relay, hub, graphql or serve'],
    [
      'src/schema/routes/routes.ts',
      '../log/entry.js',
      'schema/ may import event, never log, kafka, relay, hub, graphql or serve',
    ],
    ['src/relay/relay.ts', '../hub/hub.js', 'relay/ may import event, schema, log, kafka and format, never hub'],
    [
      'src/serve/http/http.ts',
      '../relay/relay.js',
      'serve/ may import event, schema, log, hub and graphql, never kafka or relay',
    ],
    ['src/event/channel.ts', '../schema/routes.js', 'event/ is the source and imports no other place'],
    ['src/client/index.ts', '../event/position.js', 'client/ runs in browsers: it imports nothing of the server'],
    ['src/hub/hub.ts', '../config.js', 'never'],
    ['src/hub/history/recent.ts', '../../graphql/engine.js', 'hub/ may import event, schema and log'],
    ['src/serve/sse/sse.ts', '../../kafka/topics.js', 'never kafka or relay'],
    ['src/kafka/topics.ts', '../relay/relay.js', 'kafka/ may import event'],
    ['src/format/json.ts', '../relay/route.js', 'format/ may import event'],
    ['src/admin/server.ts', '../bin/command.js', 'never client, config or bin'],
  ])('%s may not import %s, and is told why', (path, source, sentence) => {
    expect(verdict(path, `export { x } from '${source}';`)).toContain(sentence);
    expect(verdict(path, `export type { X } from '${source}';`)).toContain(sentence);
  });

  test('observe/ is imported as types only', () => {
    const value = verdict('src/hub/hub.ts', "import { silent } from '../observe/logger.js';\nexport { silent };");
    expect(value).toContain('observe/ is imported as types only');
    expect(verdict('src/hub/hub.ts', "import type { L } from '../observe/logger.js';\nexport type { L };")).toBe('');
  });

  test.each([
    ['src/hub/hub.ts', '../log/channel-log.js'],
    ['src/hub/hub.ts', './group.js'],
    ['src/serve/http/http.ts', '../graphql/subscribe.js'],
    ['src/bin/gateway.ts', '../serve/http.js'],
    ['src/bin/dev.ts', '../relay/relay.js'],
    ['src/hub/hub.ts', 'graphql/execution/execute.js'],
  ])('%s may import %s', (path, source) => {
    expect(verdict(path, `export { x } from '${source}';`)).toBe('');
  });
});
