-- Brings a user into the room. ARGV: uid, signal, connection, '1' to resume, expiry in ms or '',
-- how many users a room may have.
local uid, signal, connection = ARGV[4], ARGV[5], ARGV[6]
local resumes, expiry, max_users = ARGV[7] == '1', ARGV[8], tonumber(ARGV[9])

if is_late(expiry) then return { 'Late' } end
load()
local user = user_of(uid)

local function refusal()
  if not exists and redis.call('ZCARD', DUE) >= MAX_ROOMS_PER_BUCKET then return 'FullRooms' end
  if redis.call('HLEN', USERS) >= max_users then return 'FullUsers' end
  local more = user_weight({ uid = uid, signal = signal })
  if bytes + more >= MAX_STATE_BYTES then return 'FullState' end
  return nil
end

local function resume()
  local from_signal, from_connection = user.signal, user.connection
  redis.call('ZREM', NODES, signal_entry(user))
  bytes = bytes - user_weight(user)
  user.signal, user.connection = signal, connection
  bytes = bytes + user_weight(user)
  redis.call('ZADD', NODES, 0, signal_entry(user))
  save(user)
  touch(SEEN, uid)
  note(user_weight(user) + #from_signal, 'm', uid, signal, connection, user.since, from_signal,
    from_connection)
end

local function replace()
  local kicked_signal, kicked_connection = user.signal, user.connection
  take_out(uid)
  bring_in(uid, signal, connection)
  note(#uid + #kicked_signal, 'k', uid, kicked_signal, kicked_connection)
end

local event = false
if not user then
  local refused = refusal()
  if refused then return { refused, max_users } end
  bring_in(uid, signal, connection)
  event = commit()
elseif user.signal == signal and user.connection == connection then
  touch(SEEN, uid)
else
  if resumes then resume() else replace() end
  event = commit()
end
return { 'Ok', event, snapshot() }
