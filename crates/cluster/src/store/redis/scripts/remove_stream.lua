-- Removes a stream for its publisher. ARGV: uid, signal, connection, mid.
load()
if not owned(ARGV[4], ARGV[5], ARGV[6]) then return { 'NotOwner' } end
local stream = stream_of(ARGV[7])
if not stream then return { 'NoSuchStream' } end
if stream.uid ~= ARGV[4] then return { 'NotYours' } end
end_stream(stream.mid, false)
return { 'Ok', commit(), { stream.mid, stream.record } }
