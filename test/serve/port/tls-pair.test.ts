import { renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, describe, expect, test } from 'vitest';
import { type Logger, silent } from '../../../src/observe/logger.js';
import { pairOf, whyNoPair } from '../../../src/serve/port/tls-pair.js';
import { http2 } from '../../support/clients/http2.js';
import { eventually } from '../../support/eventually.js';
import { river } from '../../support/river.js';
import { certificateAuthority } from '../../support/servers/certificates.js';

const authority = certificateAuthority();
afterAll(() => authority[Symbol.dispose]());
const { ca } = authority;
const [first, second] = [authority.issue('first'), authority.issue('second')];
const sdl = 'type Subscription { note: Note! @kafka(topic: "notes") @public } type Note { id: ID! }';

/** The name on the certificate that a new connection is shown. */
const shown = (url: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect({ port: Number(new URL(url).port), ca }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    }).on('error', reject);
  });

/** A folder with a pair in it, as a secret is mounted by Kubernetes: the names lead over a link to the newest version. */
async function mounted({ cert, key }: { cert: string; key: string }) {
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-mounted-'));
  const at = (...names: string[]) => join(folder, ...names);
  let version = 0;
  const lead = async (pair: { cert: string; key: string }) => {
    const name = `..v${++version}`;
    await mkdir(at(name));
    writeFileSync(at(name, 'tls.crt'), pair.cert);
    writeFileSync(at(name, 'tls.key'), pair.key);
    symlinkSync(name, at('..new'));
    renameSync(at('..new'), at('..data'));
  };
  await lead({ cert, key });
  for (const name of ['tls.crt', 'tls.key']) symlinkSync(join('..data', name), at(name));
  return {
    tls: { cert: { file: at('tls.crt') }, key: { file: at('tls.key') }, every: 20 },
    lead,
    /** Puts a file in the place of one, in one moment. */
    put(name: string, text: string) {
      writeFileSync(at('part'), text);
      renameSync(at('part'), at(name));
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

function listened() {
  const told: string[] = [];
  const tell = (fields: object, message: string) => void told.push(JSON.stringify({ ...fields, message }));
  const logger: Logger = { ...silent, info: tell, warn: tell, error: tell };
  return { logger, told };
}

describe('a certificate in files', () => {
  test('is changed while it runs: streams go on, and who connects from then on sees the new one', async () => {
    await using files = await mounted(first);
    await using r = await river(sdl, { tls: files.tls });
    await using client = http2(r.url, ca);
    const stream = await client.events('subscription { note { id } }');
    await eventually('it has started', () => r.subscribed() === 1);
    expect(await shown(r.url)).toBe('first');
    await files.lead(second);
    await eventually('the link is followed', async () => (await shown(r.url)) === 'second');
    files.put('tls.crt', first.cert);
    files.put('tls.key', first.key);
    await eventually('files put in their place are seen', async () => (await shown(r.url)) === 'first');
    await r.publish('notes', { id: 1 });
    await eventually('the stream goes on', () => stream.results().length === 1);
    expect(stream.isOver()).toBe(false);
  });

  test('that is no pair, or is gone, changes nothing, and is told once, without the key', async () => {
    const { logger, told } = listened();
    await using files = await mounted(first);
    await using r = await river(sdl, { tls: files.tls, logger });
    for (const [cert, key, why] of [
      [second.cert, first.key, 'the key is not that of the certificate'],
      ['garbage', first.key, 'the certificate is not one in PEM'],
      [second.cert, 'garbage', 'the key is not one in PEM'],
    ] as const) {
      await files.lead({ cert, key });
      await eventually(why, () => told.some((line) => line.includes(why)));
      expect(await shown(r.url)).toBe('first');
    }
    await files.lead(second);
    await eventually('a pair is taken', async () => (await shown(r.url)) === 'second');
    expect(told.filter((line) => line.includes('cannot be used'))).toHaveLength(3);
    expect(told.join()).not.toContain('PRIVATE KEY');
    expect(told.filter((line) => line.includes('validTo'))).toHaveLength(1);
  });
});

test('a gateway is not made of a certificate and a key that are no pair', () => {
  expect(whyNoPair(first)).toBeNull();
  expect(() => pairOf({ cert: first.cert, key: second.key })).toThrow(RangeError);
  expect(() => pairOf({ cert: { file: first.keyFile }, key: first.key })).toThrow('not one in PEM');
});
