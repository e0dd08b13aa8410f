-- A run of a node is alive. KEYS: the runs. ARGV: as in the prelude, then the run. Answers the time in ms.
-- The number kept with a run is the time of its beat, so that it grows even where the last ones were lost.
local now_us = tonumber(ARGV[1])
if not now_us then
  local time = redis.call('TIME')
  now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local before = redis.call('HGET', KEYS[1], ARGV[3])
if before or redis.call('HLEN', KEYS[1]) < MAX_RUNS then
  local beats = math.max(now_us, (tonumber(before or 0) or 0) + 1)
  redis.call('HSET', KEYS[1], ARGV[3], string.format('%.0f', beats))
end
return { 'Ok', math.floor(now_us / 1000) }
