-- How many are in the room, and how many streams there are. Whatever is asked here, nothing is changed.
local version = redis.call('HGET', META, 'version')
if not version then return { 'Ok', 0, 0, 0 } end
return { 'Ok', tonumber(version) or 0, redis.call('HLEN', USERS), redis.call('HLEN', STREAMS) }
