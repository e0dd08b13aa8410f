-- Takes out what a node that is gone left behind. ARGV: the bucket's entries of that node in this room.
load()
for at = 4, #ARGV do
  local entry = fields_of(ARGV[at])
  if #notices >= MAX_SWEEP_NOTICES then break end
  -- An entry that is not true any more only goes away: somebody else was faster.
  if entry[1] == 's' then
    local user = user_of(entry[5])
    if user and signal_entry(user) == ARGV[at] then take_out(entry[5]) end
  else
    local stream = stream_of(entry[4])
    if stream and sfu_entry(stream) == ARGV[at] then end_stream(entry[4], true) end
  end
  redis.call('ZREM', NODES, ARGV[at])
end
if #notices == 0 then return { 'Ok', false } end
return { 'Ok', commit() }
