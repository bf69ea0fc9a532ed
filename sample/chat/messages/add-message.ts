/**
 * Stores a message and publishes it, in one step that no crash can divide. Redis publishes the messages of a
 * room in the order of their ids.
 *
 * - A message with a key that is known is not stored again, and does not count for the limit.
 * - A user above the limit gets the time to wait.
 *
 * The payload is plain JSON, so that any subscriber of the channel reads it.
 */
export const ADD_MESSAGE = `
  local messages, last, sent, said = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
  local channel, content, size = ARGV[1], ARGV[2], ARGV[3]
  local limit, window, known = tonumber(ARGV[4]), ARGV[5], ARGV[6]
  local stored = redis.call('GET', sent)
  if stored then return { tonumber(stored), 0 } end
  local count = redis.call('INCR', said)
  if count == 1 then redis.call('PEXPIRE', said, window) end
  if count > limit then return { 0, redis.call('PTTL', said) } end
  local id = string.format('%.0f', redis.call('INCR', last))
  local time = redis.call('TIME')
  local at = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  local message = '{"id":' .. id .. ',"at":' .. at .. ',' .. string.sub(content, 2)
  redis.call('XADD', messages, 'MAXLEN', '~', size, id .. '-0', 'json', message)
  redis.call('SET', sent, id, 'PX', known)
  redis.call('PUBLISH', channel, message)
  return { tonumber(id), 0 }
`;
