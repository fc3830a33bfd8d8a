import { describe, expect, test } from 'vitest';
import { documentOf, manifestOf } from '../../../src/graphql/operation/persisted.js';

const persisted = new Map([['abc', '{ version }']]);
const allow = { persisted, only: false };
const only = { persisted, only: true };
const hash = (sha256Hash: unknown, version: unknown = 1) => ({
  extensions: { persistedQuery: { version, sha256Hash } },
});

describe('an operation is asked for', () => {
  test.each([
    ['by its text', { query: '{ viewer { sub } }' }, '{ viewer { sub } }'],
    ['by its text, whatever stands beside it', { query: '{ viewer { sub } }', ...hash('abc') }, '{ viewer { sub } }'],
    ["by Apollo's hash", hash('abc'), '{ version }'],
    ["by Apollo's hash beside an empty text", { query: '', ...hash('abc') }, '{ version }'],
    ['by documentId', { documentId: 'abc' }, '{ version }'],
    ['by documentId with the name of its hash', { documentId: 'sha256:abc' }, '{ version }'],
  ])('%s', (_, request, text) => {
    expect(documentOf(request, allow)).toBe(text);
  });

  test.each([
    ['an unknown hash', hash('abd'), 'PERSISTED_QUERY_NOT_FOUND'],
    ['an unknown id', { documentId: '__proto__' }, 'PERSISTED_QUERY_NOT_FOUND'],
    ['a hash of another version', hash('abc', 2), 'BAD_USER_INPUT'],
    ['a hash that is no text', hash(7), 'BAD_USER_INPUT'],
    ['an id that is no text', { documentId: {} }, 'BAD_USER_INPUT'],
    ['a text that is none', { query: 7, documentId: 'abc' }, 'BAD_USER_INPUT'],
    ['nothing', {}, 'BAD_USER_INPUT'],
    ['nothing but other extensions', { extensions: { after: 'x', persistedQuery: null } }, 'BAD_USER_INPUT'],
  ])('but not by %s', (_, request, code) => {
    for (const operations of [allow, only])
      expect(() => documentOf(request, operations)).toThrow(expect.objectContaining({ code }));
  });

  test('and by its id alone, where only persisted ones are wanted', () => {
    expect(documentOf(hash('abc'), only)).toBe('{ version }');
    for (const request of [{ query: '{ version }' }, { query: '{ version }', ...hash('abc') }])
      expect(() => documentOf(request, only)).toThrow(expect.objectContaining({ code: 'PERSISTED_QUERY_ID_REQUIRED' }));
  });
});

describe('a manifest', () => {
  test("is Apollo's, or a plain object", () => {
    const operations = [{ id: 'abc', name: 'Version', type: 'query', body: '{ version }' }];
    const apollo = { format: 'apollo-persisted-query-manifest', version: 1, operations };
    expect(manifestOf(JSON.stringify(apollo))).toEqual(persisted);
    expect(manifestOf('{"abc": "{ version }"}')).toEqual(persisted);
    expect(manifestOf('{"__proto__": "{ version }"}').get('__proto__')).toBe('{ version }');
  });

  test.each([
    ['no JSON', '{', 'it must be a JSON object'],
    ['a list', '[]', 'it must be a JSON object'],
    ['of another version', '{"format": "apollo-persisted-query-manifest", "version": 2}', 'its version must be 1'],
    ['without operations', '{"format": "apollo-persisted-query-manifest", "version": 1}', 'operations must be a list'],
    ['with one that has no document', '{"abc": 7}', 'must have an id and a document'],
    [
      'with an id twice',
      '{"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":"a","body":"b"},{"id":"a","body":"c"}]}',
      'it has the id "a" twice',
    ],
  ])('%s is refused with a sentence', (_, json, sentence) => {
    expect(() => manifestOf(json)).toThrow(sentence);
  });
});
