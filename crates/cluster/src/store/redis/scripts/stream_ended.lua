-- An SFU says that a stream ended. ARGV: mid, sfu.
load()
local stream = stream_of(ARGV[4])
if not stream or stream.sfu ~= ARGV[5] then return { 'Ok', false } end
end_stream(stream.mid, true)
return { 'Ok', commit() }
