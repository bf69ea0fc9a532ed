/**
 * Adds a notification unless it was added before, removes the oldest ones above the limit, and renews the
 * expiry of the inbox. Redis runs the script atomically. Every instance of the service calls it; only the
 * first call returns 1.
 */
export const ADD_NOTIFICATION = `
  local seen, order, items, unread = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
  local id, notification, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
  local window, lifetime = ARGV[4], ARGV[5]
  if not redis.call('SET', seen, '1', 'NX', 'EX', window) then return 0 end
  redis.call('LPUSH', order, id)
  redis.call('HSET', items, id, notification)
  redis.call('SADD', unread, id)
  while redis.call('LLEN', order) > limit do
    local oldest = redis.call('RPOP', order)
    redis.call('HDEL', items, oldest)
    redis.call('SREM', unread, oldest)
  end
  for _, key in ipairs({ order, items, unread }) do redis.call('EXPIRE', key, lifetime) end
  return 1
`;
