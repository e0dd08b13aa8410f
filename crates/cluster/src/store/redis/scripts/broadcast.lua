-- Says something to everybody else. ARGV: uid, signal, connection, data.
load()
if not owned(ARGV[4], ARGV[5], ARGV[6]) then return { 'NotOwner' } end
note(#ARGV[4] + #ARGV[7], 'b', ARGV[4], ARGV[7])
return { 'Ok', commit() }
