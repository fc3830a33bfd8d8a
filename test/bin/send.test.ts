import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../scripts/services/ports.mjs';
import { events } from '../support/clients/stream.js';
import { eventually } from '../support/eventually.js';
import { run } from './process.js';

const sdl = `
  type Subscription {
    order(customer: ID): Order! @kafka(topic: "orders")
      @where(rule: "(args.customer == null || event.customer == args.customer) && event.total > 1.0") @public
    mine: Order! @kafka(topic: "orders") @where(rule: "event.customer == claims.sub && record.key == 'k1'")
    item: Item! @kafka(topic: "baskets", each: "record.value.items") @where(rule: "record.headers.shop == 'north'") @public
  }
  type Order { id: ID! customer: ID! total: Float }
  type Item { id: ID! }`;

/** A folder with the schema, or without one. */
function folder(schema: string | null = sdl) {
  const path = mkdtempSync(join(tmpdir(), 'tailrace-send-'));
  if (schema !== null) writeFileSync(join(path, 'schema.graphql'), schema);
  const file = (name: string, content: string | Buffer) => {
    writeFileSync(join(path, name), content);
    return name;
  };
  return { path, file };
}

/** `tailrace dev` in a folder, and `tailrace send` beside it. */
async function bench(more: Readonly<Record<string, string>> = {}, own = folder()) {
  const env = { TAILRACE_PORT: '0', TAILRACE_ADMIN_PORT: String(await freePort()), ...more };
  const dev = run(['dev'], env, own.path);
  const [, address = ''] = await dev.until(/SSE +(http:\S+)\/graphql\/stream/);
  const send = async (args: readonly string[], input: string | Buffer = '') => {
    const sending = run(['send', ...args], env, own.path);
    sending.child.stdin.on('error', () => {});
    sending.child.stdin.end(input);
    return sending.ended;
  };
  const listen = (query: string) => events(`${address}/graphql/stream`, { query });
  return { dev, env, address, send, listen, ...own, [Symbol.asyncDispose]: dev[Symbol.asyncDispose] };
}

describe('tailrace send to a running dev', () => {
  test('a record of a topic of one’s own reaches an open stream, and send says so', async () => {
    await using own = await bench();
    await using stream = await own.listen('subscription { order { id total } }');
    const kept = await own.send(['orders'], '{"id":1,"customer":"eve","total":0.5}');
    expect(kept.out).toContain('shown to 0 of 1 open stream');
    const { code, out, err } = await own.send(['orders', '-'], '{"id":7,"customer":"ada","total":12.5}\n');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      /^line 1: offset \d+ → everything \(\S+\), event\.customer \(\S+:ada\); shown to 1 of 1 open stream\n/,
    );
    expect(out).toMatch(/\n1 record of orders sent to dev: 1 routed, of which 1 to an open stream\.\n$/);
    await eventually('it comes', () => stream.results.length === 1);
    expect(stream.results[0]?.data).toEqual({ order: { id: '7', total: 12.5 } });
  });

  test('key and headers are what rules see of them', async () => {
    await using own = await bench();
    await using stream = await own.listen('subscription { item { id } }');
    const baskets = '{"items":[{"id":1},{"id":2}]}';
    const kept = await own.send(['baskets', '--header', 'shop=south'], baskets);
    expect(kept.out).toContain('shown to 0 of 1 open stream');
    const { out } = await own.send(['baskets', '--key', 'k1', '--header', 'shop=north', '--header', 'a=b=c'], baskets);
    expect(out).toContain('shown to 1 of 1 open stream');
    await eventually('they come', () => stream.results.length === 2);
    expect(stream.results.map(({ data }) => data?.item.id)).toEqual(['1', '2']);
  });

  test('a number beyond 2^53 goes as it was written, and so does every other byte of a line', async () => {
    await using own = await bench();
    const texts = [
      '{"id": 9007199254740993, "customer":"\\u0061da",  "total":1.50}',
      '{"id":"é😀","customer":"ada","total":2}',
    ];
    const file = own.file('orders.jsonl', `\uFEFF${texts[0]}\r\n\r\n   \n${texts[1]}`);
    const hash = (text: string) => createHash('sha256').update(text).digest('hex');
    const seen: string[] = [];
    // What came to dev is what is sent: a server in its place keeps the bodies.
    const server = createServer((request, response) => {
      let body = '';
      request
        .setEncoding('utf8')
        .on('data', (text) => (body += text))
        .on('end', () => {
          const { records } = JSON.parse(body);
          seen.push(...records);
          response.setHeader('content-type', 'application/json');
          response.end(
            JSON.stringify({
              outcomes: records.map(() => ({
                partition: 0,
                offset: 0,
                events: 0,
                routes: [],
                nobody: null,
                fault: null,
                audience: null,
              })),
            }),
          );
        });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const port = String((server.address() as AddressInfo).port);
    await using stream = await own.listen('subscription { order(customer: "9007199254740993") { id } }');
    const shown = await own.send(['orders'], '{"id":9007199254740995,"customer":9007199254740993,"total":2}');
    expect(shown.out).toContain(':9007199254740993); shown to 1 of 1 open stream');
    await eventually('it comes', () => stream.results.length === 1);
    expect(stream.results[0]?.data).toEqual({ order: { id: '9007199254740995' } });
    const other = await own.send(['orders'], '{"id":1,"customer":9007199254740992,"total":2}');
    expect(other.out).toContain('no stream is open there');
    const { code } = await run(['send', 'orders', file], { TAILRACE_ADMIN_PORT: port }, own.path).ended;
    server.close();
    expect(code).toBe(0);
    expect(seen.map(hash)).toEqual(texts.map(hash));
  });

  test('who gets nothing, and why, is told: for nobody, and a dead letter with its reason', async () => {
    await using own = await bench();
    const nobody = await own.send(['baskets', own.file('one.jsonl', '{"items":[]}\n')]);
    expect(nobody).toMatchObject({ code: 0, err: '' });
    expect(nobody.out).toContain('one.jsonl:1: offset 0 → nobody: ');
    const letters = await own.send(['baskets', own.file('two.jsonl', '{"items":[{"id":1}]}\n{"items":7}\n')]);
    expect(letters.code).toBe(1);
    expect(letters.out).toContain(
      'two.jsonl:2: offset 2 → dead letter, not-extracted: each: record.value.items is no list',
    );
    expect(letters.out).toContain(
      '2 records of baskets sent to dev: 1 routed, of which 0 to an open stream, 1 dead letter.',
    );
  });

  test('thousands of records are summarised, in order, none missing', async () => {
    await using own = await bench();
    await using stream = await own.listen('subscription { order { id } }');
    const lines = Array.from({ length: 3000 }, (_, id) => JSON.stringify({ id, customer: `c${id % 7}`, total: 2 }));
    const { code, out } = await own.send(['orders', own.file('many.jsonl', lines.join('\n'))]);
    expect(code).toBe(0);
    expect(out.split('\n').length).toBeLessThan(15);
    expect(out).toContain('3,000 records of orders sent to dev: 3,000 routed, of which 3,000 to an open stream.');
    await eventually('all come', () => stream.results.length === 3000);
    expect(stream.results.map(({ data }) => Number(data?.order.id))).toEqual(lines.map((_, id) => id));
  });

  test('what comes through a pipe goes at once, line by line', async () => {
    await using own = await bench();
    await using sending = run(['send', 'orders'], own.env, own.path);
    for (const id of [1, 2]) {
      sending.child.stdin.write(`{"id":${id},"customer":"ada","total":2}\n`);
      await sending.until(`line ${id}: offset ${id - 1}`);
    }
    sending.child.stdin.end();
    expect((await sending.ended).out).toContain('2 records of orders sent to dev');
  });

  test('samples flow, and a record can be sent among them', async () => {
    await using own = await bench({}, folder(null));
    const record =
      '{"id":"tx-1","userId":"ada","amount":7,"currency":"EUR","merchant":{"name":"n","category":"c","city":"x"},"status":"SETTLED","cardNumber":"1","createdAt":"now"}';
    expect((await own.send(['card-transactions'], record)).out).toContain('event.userId (');
  });
});

describe('tailrace send says what is wrong', () => {
  let own: Awaited<ReturnType<typeof bench>>;
  beforeAll(async () => {
    own = await bench();
  });
  afterAll(() => own[Symbol.asyncDispose]());

  test('no dev runs', async () => {
    const env = { TAILRACE_ADMIN_PORT: String(await freePort()) };
    const { code, out, err } = await run(['send', 'orders', '-'], env).ended;
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(
      `No \`tailrace dev\` answers at http://127.0.0.1:${env.TAILRACE_ADMIN_PORT}: start it in another terminal, or set TAILRACE_KAFKA_BROKERS to send to Kafka. TAILRACE_ADMIN_PORT says where it is.\n`,
    );
  });

  test('a topic that the schema does not name, with the near ones', async () => {
    const { code, out, err } = await own.send(['ordres'], '{}');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe('The schema of dev names no topic "ordres". Did you mean "orders"?\n');
    expect((await own.send(['x'], '{}')).err).toBe(
      'The schema of dev names no topic "x"; there are: orders, baskets.\n',
    );
  });

  test('a line that is not JSON, with its number; of a file nothing is sent then', async () => {
    const good = '{"id":1,"customer":"a","total":2}';
    const [, before] = /offset (\d+)/.exec((await own.send(['orders'], good)).out) ?? [];
    const file = own.file('bad.jsonl', '{"id":1,"customer":"a","total":2}\n\n{"id":2,\n');
    const { code, out, err } = await own.send(['orders', file]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^bad\.jsonl:3 is not JSON: .*\. Nothing was sent\.\n$/);
    const pretty = own.file('pretty.json', '{\n  "id": 1\n}\n');
    expect((await own.send(['orders', pretty])).err).toMatch(
      /^pretty\.json:1 is not JSON: .*\. Each line is a record, and this is one over several lines: `jq -c \. pretty\.json` makes a line of it\. Nothing was sent\.\n$/,
    );
    // None of them took an offset.
    expect((await own.send(['orders'], good)).out).toContain(`line 1: offset ${Number(before) + 1} `);
  });

  test('of a pipe, what came before is sent, and that is told', async () => {
    const { code, out, err } = await own.send(
      ['orders'],
      '{"id":1,"customer":"a","total":2}\n7\nnull\nnope\n{"id":2}\n',
    );
    expect(code).toBe(1);
    expect(out).toContain('3 records of orders sent to dev: ');
    expect(err).toMatch(/^line 4 is not JSON: .*\. The 3 records before it were sent\.\n$/);
  });

  test('text that is not UTF-8, and a record that is too large', async () => {
    expect((await own.send(['orders'], Buffer.from([0x22, 0xff, 0x22]))).err).toContain('line 1 is not UTF-8');
    const large = own.file('large.jsonl', `{}\n"${'x'.repeat(1024 * 1024)}"\n`);
    expect((await own.send(['orders', large])).err).toBe(
      'large.jsonl:2 has more than 1,048,576 bytes, which is what dev takes, and Kafka unless told otherwise. Nothing was sent.\n',
    );
    // What escapes make longest on its way still fits.
    const widest = own.file('widest.jsonl', `"${'\\"'.repeat(524_000)}"\n`);
    expect(await own.send(['orders', widest])).toMatchObject({ code: 0, err: '' });
  });

  test('a file that does not exist, a folder, and a record in the place of a file', async () => {
    const own = folder();
    const told = async (name: string) => {
      const { code, out, err } = await run(['send', 'orders', name], {}, own.path).ended;
      expect({ code, out }).toEqual({ code: 1, out: '' });
      return err;
    };
    expect(await told('nowhere.jsonl')).toBe('There is no file nowhere.jsonl.\n');
    expect(await told('.')).toBe('. is a folder, not a file with a record a line.\n');
    expect(await told('{"id":1}')).toBe(
      `There is no file {"id":1}. Records come from a file, or through a pipe: echo '…' | tailrace send orders\n`,
    );
  });

  test.each([
    [[]],
    [['orders', 'a.jsonl', 'b.jsonl']],
    [['orders', '--partition', '7']],
    [['orders', '--header', 'shop']],
    [['orders', '--timestamp', 'noon']],
  ])('%j is not understood: exit 2', async (args) => {
    const { code, out, err } = await run(['send', ...args], { TAILRACE_ADMIN_PORT: '1' }).ended;
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).not.toBe('');
  });

  test('what answers is no dev', async () => {
    await using relay = run(['relay'], {
      TAILRACE_ADMIN_PORT: '0',
      TAILRACE_KAFKA_BROKERS: '127.0.0.1:1',
      TAILRACE_REDIS_URL: 'redis://127.0.0.1:1',
    });
    const [, port = ''] = await relay.until(/"adminPort":(\d+)/);
    const { code, err } = await run(['send', 'orders'], { TAILRACE_ADMIN_PORT: port }).ended;
    expect(code).toBe(1);
    expect(err).toBe(
      `What answers at http://127.0.0.1:${port} is no \`tailrace dev\`: only that takes records. To send to Kafka, set TAILRACE_KAFKA_BROKERS.\n`,
    );
  });

  test('the admin token is asked for, and brought', async () => {
    await using guarded = await bench({ TAILRACE_ADMIN_TOKEN: 'operators only' });
    expect((await guarded.send(['orders'], '{}')).code).toBe(0);
    const { code, err } = await run(['send', 'orders'], { TAILRACE_ADMIN_PORT: guarded.env.TAILRACE_ADMIN_PORT }).ended;
    expect(code).toBe(1);
    expect(err).toContain('TAILRACE_ADMIN_TOKEN');
  });
});
