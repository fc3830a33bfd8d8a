import { describe, expect, test } from 'vitest';
import { Fault, limitExceeded, statusOf } from '../../src/event/faults.js';

describe('a fault', () => {
  test('says what happened, and carries its code and details for clients', () => {
    const fault = new Fault('FORBIDDEN', { why: 'this viewer may not read a.b' }, { paths: ['a.b'] });
    expect(fault.message).toContain('a.b');
    expect(fault.extensions).toEqual({ code: 'FORBIDDEN', paths: ['a.b'] });
  });

  test('of a limit names it, and how much is allowed', () => {
    const fault = limitExceeded('subscriptionsPerSocket', 3, 4);
    expect(fault.extensions).toEqual({ code: 'LIMIT_EXCEEDED', limit: 'subscriptionsPerSocket', max: 3 });
    expect(fault.message).toBe('subscriptionsPerSocket is at most 3, this would be 4');
  });

  test('has the HTTP status of its code; what is no code of ours is the client’s fault', () => {
    expect(statusOf({ code: 'UNAVAILABLE' })).toBe(503);
    expect(statusOf({ code: 'GRAPHQL_PARSE_FAILED' })).toBe(400);
    expect(statusOf({ code: 'toString' })).toBe(400);
    expect(statusOf({ code: 'LIMIT_EXCEEDED', limit: 'toString' })).toBe(429);
  });

  test('of a limit tells by its HTTP status whether to ask for less, or again later', () => {
    const statuses = ['operationCost', 'mutationsPerMinute', 'connectRate'].map((of) => limitExceeded(of, 1, 2).status);
    expect(statuses).toEqual([413, 429, 503]);
  });
});
