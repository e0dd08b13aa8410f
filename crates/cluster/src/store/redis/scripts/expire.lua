-- Takes out who and what has been silent too long, and notes when there may be more of that.
load()

-- What of a sorted set has been silent the longest: its id and time.
local function stalest(key)
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  return first[1], tonumber(first[2])
end

local function silent(key, patience)
  local id, time = stalest(key)
  if id and now - time >= patience then return id end
  return nil
end

local function due_at(key, patience)
  local id, time = stalest(key)
  return id and time + patience or math.huge
end

while exists and #notices < MAX_SWEEP_NOTICES do
  local uid = silent(SEEN, USER_EXPIRY_MS)
  local mid = not uid and silent(HELD, STREAM_EXPIRY_MS)
  if uid then
    take_out(uid)
  elseif mid then
    end_stream(mid, true)
  else
    break
  end
end

local event = #notices > 0 and commit()
if not exists or redis.call('HLEN', USERS) == 0 then
  -- It has just been forgotten, or something else than a script took its users or its version away.
  if not event then forget() end
else
  local due = math.min(due_at(SEEN, USER_EXPIRY_MS), due_at(HELD, STREAM_EXPIRY_MS))
  redis.call('ZADD', DUE, due == math.huge and text(now + USER_EXPIRY_MS) or text(due), RID)
end
return { 'Ok', event }
