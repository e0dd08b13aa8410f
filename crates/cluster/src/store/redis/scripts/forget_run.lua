-- A run is over, unless it has beaten since. KEYS: the runs. ARGV: as in the prelude, then the run and the
-- number of its last beat that was seen.
local beats = redis.call('HGET', KEYS[1], ARGV[3])
if beats and (tonumber(beats) or 0) <= tonumber(ARGV[4]) then redis.call('HDEL', KEYS[1], ARGV[3]) end
return { 'Ok' }
