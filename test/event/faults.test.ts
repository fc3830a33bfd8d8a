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
    expect(statusOf('UNAVAILABLE')).toBe(503);
    expect(statusOf('GRAPHQL_PARSE_FAILED')).toBe(400);
    expect(statusOf('toString')).toBe(400);
  });
});
