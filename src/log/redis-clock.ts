/**
 * Lua that every script of the log begins with: how numbers are printed, and the log's clock.
 *
 * Positions are told apart by time, and channels expire by the clock of the server, which may be set: judged by that clock, a
 * client that was away for an hour of a clock set back by an hour was never away, while its channel has expired. So the log's
 * clock is its own. It never goes back, and goes on by as much as the server's clock did since it was last looked at (`wall`).
 *
 * - Set back, the server's clock does not tell how far it had gone before. A key that expires tells: while it is there, not
 *   farther than that. Where it is gone, the log's clock leaps beyond all that is kept.
 * - Set forward and back again between two looks, nothing is to be seen but that this key has expired too early, as channels
 *   may have: the log's clock leaps as well.
 */
export const luaClock = `
local function pad(n) return string.format('%.0f', n) end
local canaryLife, beyond = 10000, 31622400000
-- time, wall, set: fields of the meta hash, the last when the canary was set. Answers the log's clock, and the server's.
local function clock(time, wall, set, canary, looks)
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  time = tonumber(time)
  if not time or time == 0 then return now, now end
  wall, set = tonumber(wall) or time, tonumber(set)
  -- Asked whatever comes of it: a key that is over goes when somebody asks for it, as channels go that are read now.
  local lives = (looks or now < wall) and redis.call('EXISTS', canary) == 1
  if now < wall then
    -- So little is what a server's clock is corrected by all the time.
    if wall - now < 1000 then return time + wall - now, now end
    if set and lives then return time + math.max(0, set + canaryLife - wall), now end
    return time + beyond, now
  end
  local leapt = looks and set and now >= set and now - set < canaryLife - 1000 and not lives
  return time + now - wall + (leapt and beyond or 0), now
end
`;
