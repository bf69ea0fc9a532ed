/**
 * Adds a notification, unless it was added before, and drops the oldest above the limit; an inbox to which nothing is added any more goes as well. One script,
 * which Redis runs as one step. Every instance of the service tries; the first one gets 1.
 */
export const ADD_NOTIFICATION = `
  local seen, order, items, unread = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
  local id, notification, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
  local memory, lifetime = ARGV[4], ARGV[5]
  if not redis.call('SET', seen, '1', 'NX', 'EX', memory) then return 0 end
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
