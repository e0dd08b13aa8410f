-- Users are still there. ARGV: uid, signal, connection of each. Answers the version, then 1 or 0 for each.
load()
local answer = { 'Ok', exists and version or say_fresh() }
for at = 4, #ARGV, 3 do
  local held = owned(ARGV[at], ARGV[at + 1], ARGV[at + 2]) ~= nil
  if held then touch(SEEN, ARGV[at]) end
  answer[#answer + 1] = held and 1 or 0
end
return answer
