import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { firstEvents, program, run } from './process.js';

async function occupied() {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() };
}

test('the command was built', () => {
  expect(existsSync(program), 'run `npm run build` first').toBe(true);
});

describe('tailrace', () => {
  test('help names every command and exits 0', async () => {
    const { code, out } = await run(['help']).ended;
    expect(code).toBe(0);
    for (const command of ['dev', 'send', 'gateway', 'relay', 'check', 'explain', 'schema', 'token'])
      expect(out).toMatch(new RegExp(`^  ${command} `, 'm'));
  });

  test('--version is one line', async () => {
    expect(await run(['--version']).ended).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/),
    });
  });

  test.each(['dev', 'send', 'gateway', 'relay', 'check', 'explain', 'schema', 'test', 'revoke', 'token'])(
    '%s --help says what it is for and exits 0, and so does -h',
    async (command) => {
      for (const flag of ['--help', '-h']) {
        const { code, out, err } = await run([command, flag]).ended;
        expect({ code, err }).toEqual({ code: 0, err: '' });
        expect(out).toMatch(new RegExp(`^tailrace ${command}: `));
      }
    },
  );

  test('an option that a command does not have is told with what the command takes', async () => {
    const { code, err } = await run(['token', '--user', 'ada']).ended;
    expect(code).toBe(2);
    expect(err).toMatch(/'--user'[\s\S]*\ntailrace token: .*--sub/);
  });

  test.each([[[]], [['deploy']], [['constructor']], [['dev', '--fast']]])(
    '%j is not understood: exit 2',
    async (args) => {
      const { code, out, err } = await run(args).ended;
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).not.toBe('');
    },
  );

  test('all faults of the environment come at once, a line each, no stack', async () => {
    const { code, err } = await run(['gateway'], { TAILRACE_PORT: 'x', TAILRACE_PROT: '1' }).ended;
    expect(code).toBe(1);
    expect(
      err
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ).toEqual(['TAILRACE_PROT', 'TAILRACE_PORT', 'TAILRACE_CURSOR_SECRET']);
  });

  test('a gateway without a token key names the fields that are not public', async () => {
    const { code, err } = await run(['gateway'], { TAILRACE_CURSOR_SECRET: 'c' }).ended;
    expect(code).toBe(1);
    expect(err).toMatch(/^TAILRACE_AUTH_JWT_SECRET or TAILRACE_AUTH_JWKS_URL must be set: .*Subscription\.transaction/);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a schema that is not there is one line', async () => {
    const { code, err } = await run(['relay'], { TAILRACE_SCHEMA: 'nowhere.graphql' }).ended;
    expect(code).toBe(1);
    expect(err).toBe('There is no schema at nowhere.graphql (ENOENT): TAILRACE_SCHEMA says where it is.\n');
  });

  test('a relay does not read its own dead letters, which would become dead letters', async () => {
    const schema = join(mkdtempSync(join(tmpdir(), 'tailrace-letters-')), 'schema.graphql');
    writeFileSync(
      schema,
      'type Subscription { letter: Letter! @kafka(topic: "ops.dlq") @public } type Letter { id: ID! }',
    );
    const env = { TAILRACE_SCHEMA: schema, TAILRACE_KAFKA_GROUP_ID: 'ops' };
    const { code, err } = await run(['relay'], env).ended;
    expect(code).toBe(1);
    expect(err).toMatch(/^ops\.dlq is a topic of the schema and the dead-letter topic too: .*TAILRACE_DLQ_TOPIC\.\n$/);
  });

  test('a port in use is one clear line and exit 1', async () => {
    using taken = await occupied();
    const env = { TAILRACE_PORT: String(taken.port), TAILRACE_ADMIN_PORT: '0' };
    const { code, err } = await run(['dev'], env).ended;
    expect(code).toBe(1);
    expect(err).toBe(`Port ${taken.port} on 127.0.0.1 is in use: stop what uses it, or set TAILRACE_PORT.\n`);
  });
});

describe('tailrace dev', () => {
  const free = { TAILRACE_PORT: '0', TAILRACE_ADMIN_PORT: '0' };

  test('prints where it is and tokens for two users; events flow; SIGTERM ends it with 0', async () => {
    await using dev = run(['dev'], free);
    const [, address = ''] = await dev.until(/GraphiQL +(http:\/\/127\.0\.0\.1:\d+)\/graphql/);
    const [, ada, grace] = await dev.until(/token of ada\n +(\S+)[\s\S]*token of grace.*\n +(\S+)/);

    const [, vehicle] = await firstEvents(address, 'subscription { vehicle { id lat long } }', 2);
    expect(vehicle.data.vehicle).toEqual({ id: expect.any(String), lat: expect.any(Number), long: expect.any(Number) });

    const mine = 'subscription { transaction { userId cardNumber } }';
    const [masked] = await firstEvents(address, mine, 1, { authorization: `Bearer ${ada}` });
    expect(masked.data.transaction).toEqual({ userId: 'ada', cardNumber: '•••• •••• •••• 1815' });
    const [whole] = await firstEvents(address, mine, 1, { authorization: `Bearer ${grace}` });
    expect(whole.data.transaction).toEqual({ userId: 'grace', cardNumber: '5413 3300 8902 1906' });

    dev.child.kill('SIGTERM');
    expect(await dev.ended).toMatchObject({ code: 0, err: '' });
  });

  test('pages of this machine may connect from every port, as long as nobody else reaches it', async () => {
    const pages = ['http://localhost:5173', 'http://127.0.0.1:3000', 'https://localhost', 'http://[::1]:8080'];
    const statuses = async (env: Record<string, string>) => {
      await using dev = run(['dev'], { ...free, ...env });
      const [, port = ''] = await dev.until(/GraphiQL +http:\S+:(\d+)\/graphql/);
      const status = async (origin: string) =>
        (await fetch(`http://127.0.0.1:${port}/graphql?query=%7Bversion%7D`, { headers: { origin } })).status;
      return await Promise.all([...pages, 'http://localhost.evil.example:5173', 'http://192.0.2.1'].map(status));
    };
    expect(await statuses({})).toEqual([200, 200, 200, 200, 403, 403]);
    expect(await statuses({ TAILRACE_HOST: '0.0.0.0' })).toEqual([403, 403, 403, 403, 403, 403]);
    expect(await statuses({ TAILRACE_TRUSTED_HOPS: '1' })).toEqual([403, 403, 403, 403, 403, 403]);
  });

  test('its tokens are made and verified by the secret given', async () => {
    const secret = { TAILRACE_AUTH_JWT_SECRET: 'a secret of one’s own, long enough' };
    await using dev = run(['dev'], { ...free, ...secret });
    const [, address = ''] = await dev.until(/GraphiQL +(http:\S+)\/graphql/);
    const { out: token } = await run(['token', '--sub', 'linus'], secret).ended;
    const headers = { authorization: `Bearer ${token.trim()}` };
    const [event] = await firstEvents(address, 'subscription { transaction { userId } }', 1, headers);
    expect(event.data.transaction).toEqual({ userId: 'linus' });
  });

  test('says how to bring records to a topic of one’s own, and how to see them', async () => {
    const schema = join(mkdtempSync(join(tmpdir(), 'tailrace-')), 'own.graphql');
    writeFileSync(
      schema,
      'type Subscription { order: Order! @kafka(topic: "orders") @public } type Order { id: ID! total: Float }',
    );
    await using dev = run(['dev'], { ...free, TAILRACE_SCHEMA: schema });
    await dev.until(/your own +orders\n/);
    await dev.until(/curl -N \S+\/graphql\/stream .* -d '\{"query":"subscription \{ order \{ id total \} \}"\}'\n/);
    await dev.until('tailrace send orders records.jsonl');
  });

  test('with a Kafka that is not there it says so in words, is not ready, and produces no samples', async () => {
    await using dev = run(['dev'], { ...free, TAILRACE_KAFKA_BROKERS: '127.0.0.1:1' });
    await dev.until(/^Tailrace streams schema\.graphql from Kafka at 127\.0\.0\.1:1, in this process alone/);
    await dev.until(/from Kafka +card-transactions, vehicle-positions\n/);
    await dev.until(/^Kafka at 127\.0\.0\.1:1: Kafka cannot be read: .*ECONNREFUSED.* Trying again\.$/m);
    const [, admin = ''] = await dev.until(/metrics +(http:\S+)\/metrics/);
    const ready = await fetch(`${admin}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringMatching(/^Kafka cannot be read/)]);
    expect(await (await fetch(`${admin}/metrics`)).text()).not.toMatch(/^tailrace_relay_appended_total\{.*\} [1-9]/m);
    dev.child.kill('SIGTERM');
    expect((await dev.ended).code).toBe(0);
  });

  test('in a directory without a schema it shows the sample', async () => {
    await using dev = run(['dev'], free, mkdtempSync(join(tmpdir(), 'tailrace-')));
    await dev.until('card-transactions, vehicle-positions');
  });

  test('SIGTERM leaves the door open for the retire period: who comes is told to come back later', async () => {
    await using dev = run(['dev'], { ...free, TAILRACE_RETIRE_PERIOD: '2s' });
    const [, address = ''] = await dev.until(/GraphiQL +(http:\S+)\/graphql/);
    const query = 'subscription { vehicle { id } }';
    const stream = await fetch(`${address}/graphql/stream?${new URLSearchParams({ query })}`);
    dev.child.kill('SIGTERM');
    await expect.poll(async () => (await fetch(`${address}/readyz`)).status).toBe(503);
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query }) };
    const refused = await fetch(`${address}/graphql/stream`, post);
    expect([refused.status, refused.headers.has('retry-after')]).toEqual([503, true]);
    expect(await dev.ended).toMatchObject({ code: 0 });
    await stream.body?.cancel().catch(() => {});
  });

  test('two signals end it at once', async () => {
    await using dev = run(['dev'], { ...free, TAILRACE_RETIRE_PERIOD: '1h' });
    const [, address = ''] = await dev.until(/GraphiQL +(http:\S+)\/graphql/);
    const stream = await fetch(
      `${address}/graphql/stream?query=${encodeURIComponent('subscription { vehicle { id } }')}`,
      {
        headers: { accept: 'text/event-stream' },
      },
    );
    dev.child.kill('SIGTERM');
    await expect
      .poll(() =>
        fetch(`${address}/readyz`).then(
          ({ status }) => status,
          () => 'closed',
        ),
      )
      .not.toBe(200);
    dev.child.kill('SIGINT');
    expect((await dev.ended).code).toBe(130);
    await stream.body?.cancel().catch(() => {});
  });
});

describe('without Redis and Kafka', () => {
  const nowhere = { TAILRACE_REDIS_URL: 'redis://127.0.0.1:1', TAILRACE_KAFKA_BROKERS: '127.0.0.1:1' };
  const keys = { TAILRACE_CURSOR_SECRET: 'c'.repeat(32), TAILRACE_AUTH_JWT_SECRET: 'k'.repeat(32) };

  test('revoke says where it looked for Redis and why it was not there', async () => {
    const { code, err } = await run(['revoke', '--sub', 'ada'], nowhere).ended;
    expect(code).toBe(1);
    expect(err).toContain('The Redis of TAILRACE_REDIS_URL cannot be reached: connect ECONNREFUSED 127.0.0.1:1');
  });

  test.each(['gateway', 'relay'])(
    'a %s starts, says why it is not ready, and SIGTERM ends it with 0',
    async (command) => {
      const free = { TAILRACE_PORT: '0', TAILRACE_ADMIN_PORT: '0', TAILRACE_RETIRE_PERIOD: '0s' };
      await using running = run([command], { ...nowhere, ...keys, ...free });
      const [, adminPort] = await running.until(/"adminPort":(\d+)/);
      const ready = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
      expect([ready.status, await ready.text()]).toEqual([503, expect.stringMatching(/\S/)]);
      expect((await fetch(`http://127.0.0.1:${adminPort}/healthz`)).status).toBe(200);
      running.child.kill('SIGTERM');
      expect((await running.ended).code).toBe(0);
    },
  );

  test.each(['gateway', 'relay', 'dev'])(
    'a %s starts beside Services whose names begin with tailrace, and says in one line how to keep their variables away',
    async (command) => {
      const links = {
        TAILRACE_PORT: 'tcp://10.96.12.7:4000',
        TAILRACE_SERVICE_HOST: '10.96.12.7',
        TAILRACE_GATEWAY_PORT_4000_TCP_ADDR: 'fd00::7',
        TAILRACE_GATEWAY_SERVICE_PORT_HTTP: '4000',
      };
      // In their place: the port by default may be taken on the machine of a test.
      const { TAILRACE_PORT: _, ...others } = links;
      const env = { ...nowhere, ...keys, ...others, TAILRACE_PORT: '0', TAILRACE_ADMIN_PORT: '0' };
      const shadowed = command === 'relay' ? links : {};
      await using running = run([command], { ...env, ...shadowed, TAILRACE_LOG_LEVEL: 'info' });
      const told = await running.until(/^.*enableServiceLinks.*$/m);
      const { level, passedOver } = JSON.parse(told[0]);
      expect({ level, passedOver }).toEqual({
        level: 'info',
        passedOver: Object.keys({ ...others, ...shadowed }).sort(),
      });
      await running.until(command === 'dev' ? /GraphiQL/ : /"adminPort":\d+/);
      running.child.kill('SIGTERM');
      const { code, err } = await running.ended;
      expect([code, err.match(/enableServiceLinks/g)?.length]).toEqual([0, 1]);
    },
  );
});
