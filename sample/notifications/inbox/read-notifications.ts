/**
 * Reads the newest notifications, whether each is unread, and the number of all that are unread. These are stored
 * separately, so that marking as read does not rewrite a notification. Redis runs the script atomically.
 */
export const READ_NOTIFICATIONS = `
  local order, items, unread = KEYS[1], KEYS[2], KEYS[3]
  local ids = redis.call('LRANGE', order, 0, ARGV[1] - 1)
  local count = redis.call('SCARD', unread)
  if #ids == 0 then return { {}, {}, count } end
  local stored = redis.call('HMGET', items, unpack(ids))
  return { stored, redis.call('SMISMEMBER', unread, unpack(ids)), count }
`;
