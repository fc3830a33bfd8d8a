import { describe, expect, test } from 'vitest';
import { type Format, faultOf } from '../../src/format/format.js';
import { formatsOf, prepare } from '../../src/format/formats.js';
import { recordAt } from '../support/relay/relay-world.js';

const { key, value } = formatsOf({ format: 'JSON' });
const record = recordAt(0, null);

describe('a topic of JSON', () => {
  test('is read without a wait', () => {
    expect(prepare({ key, value }, [record])).toBeNull();
  });

  test('reads what it wrote, whole numbers to the last digit', () => {
    const written = { id: 12345678901234567890n, names: ['é', null], at: 1.5 };
    expect(value.decode({ ...record, value: value.encode(written) })).toMatchObject({ kind: 'value', value: written });
    expect(() => value.encode(undefined)).toThrow(TypeError);
  });

  test('has keys of text, which is UTF-8 or nothing', () => {
    expect(key.decode({ ...record, key: key.encode('é') })).toEqual({ kind: 'value', text: null, value: 'é' });
    expect(key.decode({ ...record, key: null })).toEqual({ kind: 'null' });
    expect(key.decode({ ...record, key: Buffer.from([0xff]) })).toMatchObject({ fault: { reason: 'not-utf8' } });
    expect(() => key.encode(7)).toThrow(TypeError);
  });
});

test('what has to wait for its key, or for its value, waits for either', async () => {
  const late: Format = { ...value, prepare: () => Promise.reject(new Error('not yet')) };
  const ready: Format = {
    ...value,
    prepare: async () => {},
    decode: () => faultOf('not-json', new Error('never asked')),
  };
  await expect(prepare({ key: late, value }, [record])).rejects.toThrow('not yet');
  await expect(prepare({ key, value: late }, [record])).rejects.toThrow('not yet');
  await expect(prepare({ key: ready, value: late }, [record])).rejects.toThrow('not yet');
  await prepare({ key: ready, value: ready }, [record]);
});
