import { maxMarks } from './channel-log.js';
import { luaClock } from './redis-clock.js';
import { luaLine } from './redis-placement.js';

/**
 * The Lua that runs inside Redis (7.0 or newer). Two rules:
 *
 * - A script does not roll back. So everything that can fail (epoch, watermark, a key of a wrong type, a command or
 *   channel that an ACL refuses) is looked at before the first write, and nothing after it can fail. Want of memory
 *   and a master that refuses writes are found by Redis at the first write, before it is done.
 * - Numbers are printed with %.0f: Lua prints 1e+15 for what is larger, and two clients would read two numbers.
 */

/**
 * KEYS: meta, gaps, canary, then each channel once.
 * ARGV: epoch, base, next, first (1 or 0), last ('offset timestamp' or ''), partition (as its fields of meta are named),
 * fingerprint, gap mark (JSON or ''), commit channel, routes, the routes to be replaced, history (or ''), the highest number
 * of the epoch that the caller has been told; then retentions ('retain max' each, all parted by spaces), which of them each
 * channel has, and the entries: each 'offset places', where places are those of its channels in KEYS, a line break, its body
 * and U+001E. They are one text because an argument costs both sides more than to find the next entry in it.
 */
export const appendScript = `${luaClock}${luaLine}
local epoch, base, nextOffset = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local partition, fingerprint, gap, commit = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local routes, instead, history = ARGV[10], ARGV[11], ARGV[12]
local field, routesField = 'w:' .. partition, 'r:' .. partition
local call = redis.call
local stored = call('HMGET', KEYS[1], 'epoch', 'number', 'time', field, routesField, 'wall', 'set', 'line')
if stored[1] ~= epoch then return {'E', stored[1] or ''} end
-- An older copy of this log, brought back under its epoch: the numbers from here on were given out before.
if stored[8] ~= line() or (tonumber(stored[2]) or 0) < tonumber(ARGV[13]) then return {'E', ''} end

local watermark, last = nil, ''
if stored[4] then
  local w, rest = string.match(stored[4], '^(%d+)(.*)$')
  watermark, last = tonumber(w), rest
end
local fed = stored[5] or ''
if watermark and fed ~= routes and fed ~= instead then return {'R', fed} end
if watermark and base > watermark then return {'B', pad(watermark)} end
if not watermark and ARGV[4] == '0' then return {'B', '-1'} end

local from = tonumber(stored[2]) or 0
local number, time, wall = from, clock(stored[3], stored[6], stored[7], KEYS[3], false)
local head = ' ' .. epoch .. ' ' .. pad(time) .. ' ' .. fingerprint .. '\\n'
-- Below the watermark this append, or a part of it, is there already: its mark is too. So it is where its routes are.
if watermark and (base < watermark or (fed == routes and instead ~= routes)) then gap = '' end
if gap ~= '' then number = number + 1 end

-- A channel's new entries: one string for one, a table for more. Most channels get one, and tables are dear.
local lines, previous = {}, {}
local match, find, sub = string.match, string.find, string.sub
local function put(c, printed, body)
  local before = previous[c]
  if not before then
    local newest = call('LINDEX', KEYS[c], -1)
    local n, e
    if newest then n, e = match(newest, '^1 (%d+) %d+ (%S+)') end
    before = e == epoch and n or '0'
  end
  previous[c] = printed
  local line = '1 ' .. printed .. ' ' .. before .. head .. body
  local list = lines[c]
  if not list then lines[c] = line
  elseif type(list) == 'string' then lines[c] = {list, line}
  else list[#list + 1] = line end
end
local appended, entries, at = 0, ARGV[16], 1
while at <= #entries do
  local offset, places, start = match(entries, '^(%d+) ([%d ]+)\\n()', at)
  local stop = find(entries, '\\30', start, true)
  if not watermark or tonumber(offset) >= watermark then
    number = number + 1
    appended = appended + 1
    local printed, body = pad(number), sub(entries, start, stop - 1)
    local one = tonumber(places)
    if one then put(one, printed, body)
    else
      for place in string.gmatch(places, '%d+') do put(tonumber(place), printed, body) end
    end
  end
  at = stop + 1
end

local moved = not watermark or nextOffset > watermark
-- A doubled relay that is behind knows less of it, unless it comes farther: then nobody else names what it brings.
local learns = history ~= '' and (moved or base == watermark) and history ~= call('HMGET', KEYS[1], 'h:' .. partition)[1]
if number == from and not moved and not learns and fed == routes then return {'A', pad(from), stored[3] or '0', '0'} end

if gap ~= '' then
  local kind = call('TYPE', KEYS[2]).ok
  if kind ~= 'list' and kind ~= 'none' then return redis.error_reply('WRONGTYPE ' .. KEYS[2]) end
end
-- One by one: a loop over a table of tables took Redis longer than the checks themselves, at every append.
local sample, may = KEYS[4] or KEYS[2], redis.acl_check_cmd
local refused = not may('HSET', KEYS[1], 'number', '0') and 'HSET on ' .. KEYS[1]
  or not may('RPUSH', sample, '') and 'RPUSH on ' .. sample
  or not may('LTRIM', sample, '0', '1') and 'LTRIM on ' .. sample
  or not may('LINDEX', sample, '0') and 'LINDEX on ' .. sample
  or not may('PEXPIRE', sample, '1') and 'PEXPIRE on ' .. sample
  or not may('PUBLISH', sample, '') and 'PUBLISH on ' .. sample
  or not may('PUBLISH', commit, '') and 'PUBLISH on ' .. commit
if refused then return redis.error_reply('NOPERM the relay needs ' .. refused) end

if moved then
  local mark = ARGV[5] ~= '' and ' ' .. ARGV[5] or last
  call('HSET', KEYS[1], 'number', pad(number), 'time', pad(time), 'wall', pad(wall), field, pad(nextOffset) .. mark)
else
  call('HSET', KEYS[1], 'number', pad(number), 'time', pad(time), 'wall', pad(wall))
end
if learns then call('HSET', KEYS[1], 'h:' .. partition, history) end
if fed ~= routes then call('HSET', KEYS[1], routesField, routes) end
if number == from then return {'A', pad(from), pad(time), '0'} end

if gap ~= '' then
  local mark = '1 ' .. epoch .. ' ' .. pad(from + 1) .. ' ' .. pad(time) .. ' ' .. gap
  call('HSET', KEYS[1], 'm:' .. partition, mark)
  call('RPUSH', KEYS[2], mark)
  call('LTRIM', KEYS[2], -${maxMarks}, -1)
end
local retentions = {}
for retain, max in string.gmatch(ARGV[14], '(%d+) (%d+)') do
  retentions[#retentions + 1] = {tonumber(retain), tonumber(max)}
end
local which = string.gmatch(ARGV[15], '%d+')
for c = 4, #KEYS do
  local retain, max = unpack(retentions[tonumber(which())])
  local list = lines[c]
  if list then
    local key = KEYS[c]
    local length, added, message = 0, 1, list
    if type(list) == 'string' then length = call('RPUSH', key, list)
    else
      added, message = #list, table.concat(list, '\\30')
      for i = 1, added, 1000 do length = call('RPUSH', key, unpack(list, i, math.min(i + 999, added))) end
    end
    if length > max then call('LTRIM', key, -max, -1) end
    -- A full channel has one length for ever: by that alone, it would be looked at each time or never.
    if length > max or length >= 8 and length % 8 < added then
      local old = 0
      while old < 64 do
        local entry = call('LINDEX', key, old)
        -- One that is none of ours goes too: an error here would leave the append half done.
        if not entry or (tonumber(match(entry, '^1 %d+ %d+ %S+ (%d+)')) or 0) > time - retain then break end
        old = old + 1
      end
      if old > 0 then call('LTRIM', key, old, -1) end
    end
    call('PEXPIRE', key, retain)
    call('PUBLISH', key, message)
  end
end
call('PUBLISH', commit, '1 ' .. epoch .. ' ' .. pad(from) .. ' ' .. pad(number) .. ' ' .. pad(time) .. ' ' .. fingerprint .. ' ' .. gap)
return {'A', pad(number), pad(time), pad(appended)}
`;
