import { expect, test } from 'vitest';
import { pinoLogger } from '../../src/observe/pino.js';

function logged(level: 'info' | 'warn', say: (log: ReturnType<typeof pinoLogger>) => void): unknown[] {
  const lines: unknown[] = [];
  say(pinoLogger({ level, command: 'relay' }, { write: (line) => void lines.push(JSON.parse(line)) }));
  return lines;
}

test('a line is one JSON object with time, level and the command', () => {
  const [line] = logged('info', (log) => log.info({ topic: 'cards', partition: 3 }, 'assigned'));
  expect(line).toMatchObject({ level: 'info', command: 'relay', topic: 'cards', partition: 3, msg: 'assigned' });
  expect(line).toHaveProperty('time', expect.stringMatching(/^\d{4}-\d\d-\d\dT/));
});

test('an error shows its message and stack', () => {
  const [line] = logged('info', (log) => log.error({ error: new Error('refused') }, 'append'));
  expect(line).toMatchObject({ error: { type: 'Error', message: 'refused', stack: expect.any(String) } });
});

test('lines below the level are not written', () => {
  expect(logged('warn', (log) => log.info({}, 'chatter'))).toEqual([]);
});

test('tokens are never written', () => {
  const line = JSON.stringify(
    logged('info', (log) => log.warn({ token: 'hush', headers: { authorization: 'hush', cookie: 'hush' } }, 'refused')),
  );
  expect(line).not.toContain('hush');
  expect(line).toContain('[secret]');
});
