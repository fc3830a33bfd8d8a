import { maxMarks } from './channel-log.js';
import { luaClock } from './redis-clock.js';

/**
 * What relays ask of the log beside appends, in Lua. The rules are those of `redis-scripts.ts`: all that can fail is looked
 * at before the first write.
 */

/** The id of a line of masters: another one after a restart, a failover, and after the server was a replica for a moment. */
export const luaLine = `
local function line() return string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') end
`;

/**
 * KEYS: meta, doubt, canary. ARGV: watermark field, history field, routes field, feeder field, cluster, an epoch to use if
 * one must be opened; then what the caller knows: epoch, number, time, the epochs that the log has left; mark field.
 * Answers {epoch, 1 if the log is new, watermark, history, routes, feeder, how long ago it looked (ms), number, time, mark}, ''
 * for what is not there.
 *
 * Opens a new epoch where the same numbers would be given out twice under one: the log is another one, or an older copy of
 * itself, by its line, by what the caller has been told, or by a gateway's doubt.
 */
export const partitionScript = `${luaClock}${luaLine}
local stored = redis.call('HMGET', KEYS[1], 'epoch', 'number', 'time', 'wall', 'set', 'line',
  ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[11])
local epoch, number, own = stored[1], tonumber(stored[2]) or 0, line()
local time, wall = clock(stored[3], stored[4], stored[5], KEYS[3], true)
time = math.max(time, tonumber(ARGV[9]))
local lost = epoch == ARGV[7] and number < tonumber(ARGV[8])
-- Left once, it is open again: all that came since is gone.
if epoch and string.find(' ' .. ARGV[10] .. ' ', ' ' .. epoch .. ' ', 1, true) then lost = true end
local doubt = redis.call('GET', KEYS[2])
if doubt and epoch then
  local doubted, known, at = string.match(doubt, '^(%S+) (%S+) ?(%d*)')
  time = math.max(time, tonumber(at) or 0)
  if doubted == epoch and (known == '*' or number < (tonumber(known) or 0)) then lost = true end
end
local isNew = epoch and 0 or 1
local opens = not epoch or stored[6] ~= own or lost
if opens then epoch = ARGV[6] end

local feeder, stamped = string.match(stored[10] or '', '^(%S+) (%d+)')
local idle = feeder and math.max(0, time - tonumber(stamped)) or 0
if opens then redis.call('HSET', KEYS[1], 'epoch', epoch, 'line', own, 'number', pad(number)) end
-- A look a second is enough: a write for each partition would be one for each of thousands.
local function isOld(one, now) return not one or math.abs(now - tonumber(one)) >= 1000 end
if opens or isOld(stored[4], wall) or isOld(stored[3], time) then
  redis.call('HSET', KEYS[1], 'time', pad(time), 'wall', pad(wall))
end
if isOld(stored[5], wall) or redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('SET', KEYS[3], '1', 'PX', canaryLife)
  redis.call('HSET', KEYS[1], 'set', pad(wall))
end
if not feeder or feeder == ARGV[5] and idle >= 1000 then
  redis.call('HSET', KEYS[1], ARGV[4], ARGV[5] .. ' ' .. pad(time))
end
return {epoch, isNew, stored[7] or '', stored[8] or '', stored[9] or '', feeder or '', pad(idle), pad(number), pad(time),
  stored[11] or ''}
`;

/**
 * KEYS: meta, gaps, canary. ARGV: epoch, an epoch to open, watermark field, the watermark the caller saw or '', the new one,
 * history field, history, feeder field, cluster, gap mark (JSON), commit channel, fingerprint, mark field.
 * Another history takes the place of the one that was known: in one step, so that there is no moment in which a relay that
 * dies leaves the log with a watermark of one and nobody told.
 */
export const renewScript = `${luaClock}${luaLine}
local stored = redis.call('HMGET', KEYS[1], 'epoch', 'number', 'time', 'wall', 'set', 'line', ARGV[3])
if stored[1] ~= ARGV[1] or stored[6] ~= line() then return {'E', stored[1] or ''} end
local watermark = stored[7] and string.match(stored[7], '^(%d+)') or ''
if watermark ~= ARGV[4] then return {'B', watermark == '' and '-1' or watermark} end
local kind = redis.call('TYPE', KEYS[2]).ok
if kind ~= 'list' and kind ~= 'none' then return redis.error_reply('WRONGTYPE ' .. KEYS[2]) end
for _, check in ipairs({{'HSET', KEYS[1], 'number', '0'}, {'RPUSH', KEYS[2], ''}, {'LTRIM', KEYS[2], '0', '1'},
    {'PUBLISH', ARGV[11], ''}}) do
  if not redis.acl_check_cmd(unpack(check)) then
    return redis.error_reply('NOPERM the relay needs ' .. check[1] .. ' on ' .. check[2])
  end
end
local time, wall = clock(stored[3], stored[4], stored[5], KEYS[3], false)
local from, now = tonumber(stored[2]) or 0, pad(time)
local number = pad(from + 1)
local mark = '1 ' .. ARGV[2] .. ' ' .. number .. ' ' .. now .. ' ' .. ARGV[10]
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'number', number, 'time', now, 'wall', pad(wall),
  ARGV[3], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9] .. ' ' .. now, ARGV[13], mark)
redis.call('RPUSH', KEYS[2], mark)
redis.call('LTRIM', KEYS[2], -${maxMarks}, -1)
redis.call('PUBLISH', ARGV[11], '1 ' .. ARGV[2] .. ' ' .. pad(from) .. ' ' .. number .. ' ' .. now .. ' ' .. ARGV[12] .. ' ' .. ARGV[10])
return {'A', number, now, '0'}
`;

/**
 * KEYS: meta of the shard of the topic's partition 0. ARGV: field, how many partitions the topic has.
 * Answers {how many it had when the log first heard of it, 1 if that is now}.
 */
export const topicScript = `
local known = redis.call('HMGET', KEYS[1], ARGV[1])[1]
if known then return {known, 0} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return {ARGV[2], 1}
`;
