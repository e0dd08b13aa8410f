-- Adds a published stream. ARGV: uid, signal, connection, mid, sfu, info, expiry in ms or '',
-- how many streams a user may have.
local stream = { uid = ARGV[4], mid = ARGV[7], sfu = ARGV[8], info = ARGV[9] }
local max_streams = tonumber(ARGV[11])

if is_late(ARGV[10]) then return { 'Late' } end
load()
local user = owned(stream.uid, ARGV[5], ARGV[6])
if not user then return { 'NotOwner' } end
if stream_of(stream.mid) then return { 'StreamExists' } end
if #user.mids >= max_streams then return { 'FullStreams', max_streams } end
if bytes + stream_weight(stream) >= MAX_STATE_BYTES then return { 'FullState' } end

bytes = bytes + stream_weight(stream)
user.mids[#user.mids + 1] = stream.mid
save(user)
touch(HELD, stream.mid)
redis.call('ZADD', NODES, 0, sfu_entry(stream))
redis.call('HSET', STREAMS, stream.mid, table.concat({ stream.uid, stream.sfu, stream.info }, SEP))
note(stream_weight(stream), 'a', stream.mid, stream.uid, stream.sfu, stream.info)
return { 'Ok', commit() }
