-- What happened after a version, or the room where that is no longer kept. ARGV: the version.
load()
if not exists then return { 'Snapshot', { say_fresh(), {}, {} } } end
local after = tonumber(ARGV[4])
if after == version then return { 'Events', {} } end
local kept = redis.call('LLEN', LOG)
local skip = after - (version - kept)
if skip < 0 or skip >= kept then return { 'Snapshot', snapshot() } end
return { 'Events', redis.call('LRANGE', LOG, text(skip), -1) }
