import { luaClock } from './redis-clock.js';

/** Characters of a page. */
const pageSize = 262_144;

/**
 * What a gateway asks, inside Redis (7.0 or newer). Reads only, and goes by EVALSHA_RO.
 *
 * KEYS: meta, channel, canary. ARGV: 'after' and a number, or 'all', or 'newest'; limit; with 'after' a time, or ''.
 * Answers {epoch, number, time, trimmed to, 1 if there is more, entries, the log's clock}.
 * Entries of the current epoch are the list's end, in order: the first one after a number, or later than a time,
 * is found by halving. What comes after it is a page at the most: whoever reads slowly has it in a gateway's memory until the last of it is through.
 */
export const readScript = `${luaClock}
local stored = redis.call('HMGET', KEYS[1], 'epoch', 'number', 'time', 'wall', 'set')
local epoch = stored[1] or ''
local length = redis.call('LLEN', KEYS[2])
local limit = tonumber(ARGV[3])
local function at(i)
  local n, p, e, t = string.match(redis.call('LINDEX', KEYS[2], i), '^1 (%d+) (%d+) (%S+) (%d+)')
  return tonumber(n), p, e, tonumber(t)
end
local trimmed = '0'
if length > 0 then
  local _, p, e = at(0)
  if e == epoch then trimmed = p end
end
local first = 0
if ARGV[1] == 'newest' then
  first = math.max(0, length - limit)
elseif ARGV[1] == 'after' then
  local after, since, low, high = tonumber(ARGV[2]), tonumber(ARGV[4]) or 1 / 0, 0, length
  while low < high do
    local middle = math.floor((low + high) / 2)
    local n, _, e, t = at(middle)
    if e == epoch and (n > after or t > since) then high = middle else low = middle + 1 end
  end
  first = low
end
local entries, size, most, step = {}, 0, 1 / 0, limit
if ARGV[1] == 'after' then most, step = ${pageSize}, 16 end
while size < most and #entries < limit and first + #entries < length do
  local at = first + #entries
  for _, entry in ipairs(redis.call('LRANGE', KEYS[2], at, at + math.min(step, limit - #entries) - 1)) do
    entries[#entries + 1] = entry
    size = size + #entry
  end
  -- Each LRANGE walks a long list anew: as many as may still fit, by those that are there.
  step = math.max(16, math.min(128, math.floor((most - size) * #entries / size)))
end
local more = 0
if ARGV[1] == 'newest' then
  if first > 0 then more = 1 end
elseif first + #entries < length then
  more = 1
end
local now = clock(stored[3], stored[4], stored[5], KEYS[3], true)
return {epoch, stored[2] or '0', stored[3] or '0', trimmed, more, entries, pad(now)}
`;

/**
 * KEYS: meta, canary. Answers {epoch, number, time, the log's clock}. Reads only.
 * A replica may lack what came after its newest entry, whatever its clock says: its clock stands where that one came.
 */
export const headScript = `${luaClock}
local stored = redis.call('HMGET', KEYS[1], 'epoch', 'number', 'time', 'wall', 'set')
local time, now = stored[3] or '0', nil
if string.find(redis.call('INFO', 'replication'), 'role:master', 1, true) then
  now = pad(clock(stored[3], stored[4], stored[5], KEYS[2], true))
end
return {stored[1] or '', stored[2] or '0', time, now or time}
`;
