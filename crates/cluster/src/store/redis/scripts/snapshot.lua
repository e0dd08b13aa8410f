-- The room as it is now.
load()
if not exists then return { 'Ok', { say_fresh(), {}, {} } } end
return { 'Ok', snapshot() }
