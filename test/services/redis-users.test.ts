import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectRedis } from '../../src/log/redis-connection.js';
import { silent } from '../../src/observe/logger.js';
import { redisPubSub } from '../../src/serve/replicas/pubsub.js';
import { firstEvents, run } from '../bin/process.js';
import { eventually, freshPrefix, kafkaBrokers, startRedis } from '../support/servers/services.js';

/** The file of the examples, word for word, as Redis loads it; beside it somebody who may look at what Redis refused. */
const file = readFileSync('examples/redis-users.acl', 'utf8');
const operator = 'user operator on >operator ~* &* +@all\n';
const passwordOf = (name: string) => new RegExp(`^user ${name} .*? >(\\S+)`, 'm').exec(file)?.[1] ?? name;

const folder = mkdtempSync(join(tmpdir(), 'tailrace-users-'));
let redis: Awaited<ReturnType<typeof startRedis>>;
let admin: Redis;
const as = (name: string) => `redis://${name}:${passwordOf(name)}@127.0.0.1:${redis.port}`;

beforeAll(async () => {
  const users = join(folder, 'users.acl');
  writeFileSync(users, file + operator);
  redis = await startRedis({ args: ['--aclfile', users] });
  admin = new Redis(as('operator'));
});
afterAll(async () => {
  admin.disconnect();
  await redis[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

test('the whole river flows with them: events, tickets, revocations, ephemeral fields; and Redis refuses nothing', async () => {
  const keys = { TAILRACE_CURSOR_SECRET: 'c'.repeat(32), TAILRACE_AUTH_JWT_SECRET: 'k'.repeat(32) };
  const free = { TAILRACE_PORT: '0', TAILRACE_ADMIN_PORT: '0' };
  const kafka = { TAILRACE_KAFKA_BROKERS: kafkaBrokers().join(','), TAILRACE_KAFKA_GROUP_ID: freshPrefix() };
  await using sample = run(['--rate', '20'], kafka, undefined, 'sample-producer');
  await using relay = run(['relay'], { ...free, ...kafka, TAILRACE_REDIS_URL: as('tailrace-relay') });
  await using gateway = run(['gateway'], { ...free, ...keys, TAILRACE_REDIS_URL: as('tailrace-gateway') });
  const ports = new Map<unknown, string>();
  for (const running of [relay, gateway]) {
    const [, port = ''] = await running.until(/"adminPort":(\d+)/);
    ports.set(running, port);
    const ready = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
    await eventually('it is ready', ready, { within: 40_000 });
  }
  const [, port] = await gateway.until(/"port":(\d+)/);
  const url = `http://127.0.0.1:${port}`;
  const token = (await run(['token', '--sub', 'ada'], keys).ended).out.trim();
  const signedIn = { authorization: `Bearer ${token}` };

  const [event] = await firstEvents(url, 'subscription { transaction { userId } }', 1, signedIn);
  expect(event.data).toEqual({ transaction: { userId: 'ada' } });

  const ticket = await fetch(`${url}/graphql/ticket`, { method: 'POST', headers: signedIn });
  expect(ticket.status).toBe(201);

  const typed = firstEvents(url, 'subscription { typing(room: "1") { __typename } }', 1, signedIn);
  let told = false;
  void typed.then(() => {
    told = true;
  });
  await eventually('somebody is seen typing', async () => {
    const headers = { ...signedIn, 'content-type': 'application/json' };
    const body = JSON.stringify({ query: 'mutation { sendTyping(room: "1") }' });
    expect((await fetch(`${url}/graphql`, { method: 'POST', headers, body })).status).toBe(200);
    return told;
  });

  const revoked = await run(['revoke', '--sub', 'ada'], {
    TAILRACE_REDIS_URL: as('tailrace-gateway'),
  }).ended;
  expect(revoked).toMatchObject({ code: 0 });
  await eventually('she is out', async () => {
    const headers = { ...signedIn, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/graphql`, { method: 'POST', headers, body: '{"query":"{ version }"}' });
    return answer.status === 401;
  });

  expect(await admin.call('ACL', 'LOG')).toEqual([]);
  sample.child.kill('SIGTERM');
});

describe('a captured gateway', () => {
  const forbidden: [string, readonly string[]][] = [
    ['forge an event', ['RPUSH', 'tailrace:{s0}:c:x', 'forged']],
    ['forge one by a script', ['EVAL', "return redis.call('RPUSH', 'tailrace:{s0}:c:x', '1')", '0']],
    [
      'hide behind a key of its own',
      ['EVAL', "return redis.call('DEL', 'tailrace:{s0}:meta')", '1', 'tailrace:revocations'],
    ],
    ['tell the others of an event', ['PUBLISH', 'tailrace:{s0}:c:x', 'forged']],
    ['tell them of a commit', ['PUBLISH', 'tailrace:{s0}:commit', 'forged']],
    ['move a watermark', ['HSET', 'tailrace:{s0}:meta', 'number', '0']],
    ['put a doubt in the place of the log', ['SET', 'tailrace:{s0}:meta', 'forged']],
    ['delete what is there', ['DEL', 'tailrace:{s0}:meta']],
    ['delete everything', ['FLUSHALL']],
    ['let keys expire', ['PEXPIRE', 'tailrace:{s0}:meta', '1']],
    ['give itself more', ['ACL', 'SETUSER', 'tailrace-gateway', '+@all']],
    ['change the server', ['CONFIG', 'SET', 'maxmemory', '1']],
    ['see what others send', ['MONITOR']],
    ['listen to everything', ['PSUBSCRIBE', '*']],
    ['read keys of others', ['GET', 'somebody-else']],
    ['list the keys', ['SCAN', '0']],
    ['drop the scripts of the relays', ['SCRIPT', 'FLUSH']],
    ['cut others off', ['CLIENT', 'KILL', 'TYPE', 'pubsub']],
    ['put a key of its own in the place of another', ['RENAME', 'tailrace:ticket:x', 'tailrace:{s0}:meta']],
    ['speak on a channel that nobody gave it', ['PUBLISH', 'somebody-else', 'forged']],
  ];
  for (const [what, [command = '', ...args]] of forbidden) {
    test(`cannot ${what}`, async () => {
      const gateway = new Redis(as('tailrace-gateway'), { retryStrategy: () => null });
      try {
        await expect(gateway.call(command, ...args)).rejects.toThrow(/NOPERM|user executing the script can/);
      } finally {
        gateway.disconnect();
      }
    });
  }
});

test.each(['default', 'tailrace-relay', 'operator'])('a captured gateway cannot become %s', async (name) => {
  const gateway = new Redis(as('tailrace-gateway'), { retryStrategy: () => null });
  try {
    await expect(gateway.call('AUTH', name, passwordOf('tailrace-gateway'))).rejects.toThrow(/WRONGPASS/);
  } finally {
    gateway.disconnect();
  }
});

test('who shows no password gets nothing', async () => {
  const nobody = new Redis(redis.url, { retryStrategy: () => null, enableReadyCheck: false });
  nobody.on('error', () => undefined);
  try {
    await expect(nobody.call('LRANGE', 'tailrace:{s0}:c:x', '0', '-1')).rejects.toThrow(/NOAUTH/);
  } finally {
    nobody.disconnect();
  }
});

test('an ephemeral channel that the gateway may not hear fails its own operation, and nothing else', async () => {
  const pubsub = redisPubSub({ connect: (name, extra) => connectRedis(as('tailrace-gateway'), name, silent, extra) });
  const refused = pubsub.asyncIterableIterator('elsewhere');
  await expect(refused.next()).rejects.toThrow(/NOPERM/);
  await refused.return?.();
  const heard = pubsub.asyncIterableIterator<string>('typing here');
  let next: IteratorResult<string> | null = null;
  void heard.next().then((result) => {
    next = result;
  });
  await eventually('what it may hear', async () => {
    await pubsub.publish('typing here', 'somebody');
    return next;
  });
  expect(next).toEqual({ done: false, value: 'somebody' });
  await heard.return?.();
  await pubsub.close();
});

test('a captured relay cannot read tickets, flush, or change the server', async () => {
  const relay = new Redis(as('tailrace-relay'));
  for (const [command = '', ...args] of [
    ['GET', 'tailrace:ticket:x'],
    ['FLUSHALL'],
    ['CONFIG', 'GET', '*'],
    ['ZRANGE', 'tailrace:revocations', '0', '-1'],
    ['ZADD', 'tailrace:revocations', '1', 'x'],
    ['PUBLISH', 'tailrace:replicas', 'forged'],
    ['PUBLISH', 'typing 1', 'forged'],
    ['SUBSCRIBE', 'tailrace:replicas'],
    ['SCRIPT', 'FLUSH'],
    ['DEL', 'tailrace:{s0}:meta'],
  ])
    await expect(relay.call(command, ...args)).rejects.toThrow(/NOPERM/);
  relay.disconnect();
});
