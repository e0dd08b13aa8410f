-- What every script on a room begins with: the room's keys, the time, and the steps that changes are
-- made of. The semantics are those of `model::Room`; a differential test holds the two together.
--
-- KEYS: see `keys.rs`. ARGV[1]: the time in microseconds, or '' for this server's. ARGV[2]: the run of
-- the server process that the caller is connected to. ARGV[3]: the room's id. Then the script's own.
--
-- Redis does not undo what a script did before an error, so whatever may be refused is looked at first, and
-- a record that no script wrote counts as one with empty fields.

local META, USERS, STREAMS, SEEN, HELD, LOG = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local DUE, NODES, LAST = KEYS[7], KEYS[8], KEYS[9]
local RUN, RID = ARGV[2], ARGV[3]

-- Between the fields of a record. No id has a control character, and JSON none that is not escaped.
local SEP = '\31'

local function clock()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local now_us = clock()
local now = math.floor(now_us / 1000)

-- A number as text: versions have 16 digits, and `tostring` writes 14.
local function text(number) return string.format('%.0f', number) end

local function fields_of(record)
  local fields = {}
  for field in string.gmatch(record, '[^\31]+') do fields[#fields + 1] = field end
  return fields
end

-- Versions ------------------------------------------------------------------------------------------

-- The highest version ever said of a room of this bucket that is not there. Another process than the
-- one that wrote it may have lost later ones.
local function highest()
  local last = redis.call('HMGET', LAST, 'version', 'run')
  local spoken = tonumber(last[1] or 0) or 0
  if spoken == 0 or last[2] == RUN then return spoken end
  return spoken + LEAP
end

local function remember(spoken)
  redis.call('HSET', LAST, 'version', text(spoken), 'run', RUN)
end

-- A version later than any that a room which is not there ever had.
local function fresh() return math.max(now_us, highest() + 1) end

-- The same, and nobody is told it again.
local function say_fresh()
  local spoken = fresh()
  remember(spoken)
  return spoken
end

-- The room ------------------------------------------------------------------------------------------

local version, bytes, log_bytes, exists

-- Reads the room. Where another process wrote last, changes may be lost of which readers have heard: its
-- version leaps over all of theirs, and they find a gap that only a snapshot fills.
local function load()
  local meta = redis.call('HMGET', META, 'version', 'bytes', 'log', 'run')
  local function number(field) return field and tonumber(field) end
  version, bytes, log_bytes = number(meta[1]), number(meta[2]) or 0, number(meta[3]) or 0
  exists = version ~= nil and version ~= false
  if not exists then
    version, bytes, log_bytes = fresh(), 0, 0
    return
  end
  if meta[4] ~= RUN then
    version, log_bytes = math.max(version + LEAP, now_us), 0
    redis.call('HSET', META, 'version', text(version), 'log', 0, 'run', RUN)
    redis.call('DEL', LOG)
  end
end

-- Everything in the room, as it is now.
local function snapshot()
  return { version, redis.call('HGETALL', USERS), redis.call('HGETALL', STREAMS) }
end

local function forget()
  redis.call('DEL', META, USERS, STREAMS, SEEN, HELD, LOG)
  redis.call('ZREM', DUE, RID)
  remember(math.max(highest(), version))
end

-- Users and streams ---------------------------------------------------------------------------------

local function user_of(uid)
  local record = exists and redis.call('HGET', USERS, uid)
  if not record then return nil end
  local fields = fields_of(record)
  return {
    uid = uid, signal = fields[1] or '', connection = fields[2] or '0', since = fields[3] or '0',
    mids = { unpack(fields, 4) },
  }
end

local function save(user)
  local record = { user.signal, user.connection, user.since, unpack(user.mids) }
  redis.call('HSET', USERS, user.uid, table.concat(record, SEP))
end

-- The user, where this connection speaks for them.
local function owned(uid, signal, connection)
  local user = user_of(uid)
  if user and user.signal == signal and user.connection == connection then return user end
  return nil
end

local function stream_of(mid)
  local record = exists and redis.call('HGET', STREAMS, mid)
  if not record then return nil end
  local uid, sfu, info = string.match(record, '^([^\31]+)\31([^\31]+)\31(.*)$')
  return { mid = mid, uid = uid or '', sfu = sfu or '', info = info or '', record = record }
end

local function user_weight(user) return OVERHEAD + #user.uid + #user.signal end

local function stream_weight(stream)
  return OVERHEAD + #stream.mid + #stream.uid + #stream.sfu + #stream.info
end

-- What a signalling node speaks for, and what an SFU holds: entries that sort by node, and those of a
-- signalling node then by connection.
local function signal_entry(user)
  local padded = string.rep('0', 20 - #user.connection) .. user.connection
  return table.concat({ 's', user.signal, padded, RID, user.uid }, SEP)
end

local function sfu_entry(stream) return table.concat({ 'f', stream.sfu, RID, stream.mid }, SEP) end

-- Heard of now. A clock that went back changes nothing.
local function touch(key, id) redis.call('ZADD', key, 'GT', text(now), id) end

-- Changes -------------------------------------------------------------------------------------------

local notices, weight, someone_left = {}, 0, false

local function note(size, ...)
  notices[#notices + 1] = { ... }
  weight = weight + OVERHEAD + size
end

-- Makes somebody a member who is none, with the version that the next commit has.
local function bring_in(uid, signal, connection)
  local user = { uid = uid, signal = signal, connection = connection, since = text(version + 1), mids = {} }
  bytes = bytes + user_weight(user)
  touch(SEEN, uid)
  redis.call('ZADD', DUE, 'NX', text(now + USER_EXPIRY_MS), RID)
  redis.call('ZADD', NODES, 0, signal_entry(user))
  save(user)
  note(user_weight(user), 'j', uid, signal, connection, user.since)
end

local function take_stream(mid, by_server)
  local stream = stream_of(mid)
  redis.call('ZREM', HELD, mid)
  if not stream then return nil end
  bytes = bytes - stream_weight(stream)
  redis.call('HDEL', STREAMS, mid)
  redis.call('ZREM', NODES, sfu_entry(stream))
  note(#stream.uid + #mid, 'r', stream.uid, mid, by_server and 1 or 0)
  return stream
end

-- Takes a stream out of those of its user, too.
local function end_stream(mid, by_server)
  local stream = take_stream(mid, by_server)
  local user = stream and user_of(stream.uid)
  if not user then return end
  for index, other in ipairs(user.mids) do
    if other == mid then table.remove(user.mids, index) break end
  end
  save(user)
end

-- Takes out a user, streams first. Answers the streams: mid, record, mid, record, ...
local function take_out(uid)
  local user = user_of(uid)
  redis.call('ZREM', SEEN, uid)
  if not user then return {} end
  local streams = {}
  for _, mid in ipairs(user.mids) do
    local stream = take_stream(mid, false)
    if stream then
      streams[#streams + 1] = mid
      streams[#streams + 1] = stream.record
    end
  end
  bytes = bytes - user_weight(user)
  redis.call('HDEL', USERS, uid)
  redis.call('ZREM', NODES, signal_entry(user))
  note(#uid, 'l', uid)
  someone_left = true
  return streams
end

-- Keeps the event for those who missed it: always the newest ones, without gaps.
local function record(event, size)
  if size > MAX_LOG_BYTES then
    redis.call('DEL', LOG)
    log_bytes = 0
    return
  end
  local kept = redis.call('RPUSH', LOG, event)
  log_bytes = kept == 1 and size or log_bytes + size
  while kept > MAX_LOG_EVENTS or log_bytes > MAX_LOG_BYTES do
    local oldest = redis.call('LPOP', LOG)
    if not oldest then break end
    log_bytes = log_bytes - (tonumber(string.match(oldest, '^{"w":(%d+)')) or 0)
    kept = kept - 1
  end
  redis.call('PEXPIRE', LOG, LOG_LIFE_MS)
end

-- Makes what was noted the room's next event, and answers it. A room that is empty then is forgotten. An event
-- is written as `codec.rs` reads it, with its weight first.
local function commit()
  version = version + 1
  local size = OVERHEAD + #RID + weight
  local event = string.format('{"w":%d,"v":"%.0f","n":', size, version) .. cjson.encode(notices)
  if someone_left and redis.call('HLEN', USERS) == 0 then
    forget()
    return event .. ',"e":1}'
  end
  event = event .. '}'
  record(event, size)
  redis.call('HSET', META, 'version', text(version), 'bytes', bytes, 'log', log_bytes, 'run', RUN)
  return event
end

local function is_late(expiry) return expiry ~= '' and tonumber(expiry) < now end
