-- Takes a user and all their streams out. ARGV: uid, signal, connection.
load()
if not owned(ARGV[4], ARGV[5], ARGV[6]) then return { 'NotOwner' } end
local streams = take_out(ARGV[4])
return { 'Ok', commit(), streams }
