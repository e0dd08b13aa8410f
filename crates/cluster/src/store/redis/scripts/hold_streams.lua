-- An SFU still has streams. ARGV: sfu, then the mids. Answers 1 for each that the room knows there, or 0.
exists = true
local answer = { 'Ok' }
for at = 5, #ARGV do
  local stream = stream_of(ARGV[at])
  local known = stream ~= nil and stream.sfu == ARGV[4]
  if known then touch(HELD, ARGV[at]) end
  answer[#answer + 1] = known and 1 or 0
end
return answer
