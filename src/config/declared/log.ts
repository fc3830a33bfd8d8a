import { duration, matching, whole } from '../../serve/settings/kinds.js';
import { text } from '../kinds.js';
import { declaredFor } from '../variable.js';

const everywhere = declaredFor('dev', 'gateway', 'relay', 'send', 'explain');
const stored = declaredFor('gateway', 'relay');
const inRedis = declaredFor('gateway', 'relay', 'revoke');

/** Where the log is, and how much it keeps. */
export const ofLog = {
  redisUrl: inRedis(
    matching(
      'redis://, rediss://, redis+sentinel:// or rediss+sentinel:// with a host',
      /^rediss?(\+sentinel:\/\/[^\s/]+\/[^\s/]+(\/\d+)?|:\/\/[^\s/]+(\/\d*)?)$/,
    ),
    'redis://127.0.0.1:6379',
    'The Redis of the log; with Sentinel `redis+sentinel://user:pass@h1:26379,h2:26379/mymaster/0`.',
    { secret: true, code: 'redis.url' },
  ),
  redisTlsCa: inRedis(text, null, 'The authority that signed the certificate of a `rediss://` server (PEM).', {
    secret: true,
    code: 'redis.tls.ca',
  }),
  redisTlsCert: inRedis(text, null, 'The certificate to show to that server (PEM).', {
    secret: true,
    code: 'redis.tls.cert',
  }),
  redisTlsKey: inRedis(text, null, 'The key of that certificate (PEM).', { secret: true, code: 'redis.tls.key' }),
  redisPrefix: inRedis(
    matching('1 to 64 letters, digits and . _ : -', /^[\w.:-]{1,64}$/),
    'tailrace',
    'What every key and channel in Redis begins with.',
    { code: 'redis.prefix' },
  ),
  logShards: stored(whole(1, 64), '1', 'Shards of the log. Relays and gateways need the same number.', {
    code: 'log.shards',
  }),
  historyRetain: everywhere(
    duration(100, 365 * 24 * 3_600_000),
    '10m',
    'How long an event can be resumed, where the field has no `@history`.',
    { code: 'history.retain' },
  ),
  historyMax: everywhere(
    whole(1, 1_000_000),
    '1000',
    'How many events a channel keeps, where the field has no `@history`.',
    { code: 'history.max' },
  ),
};
