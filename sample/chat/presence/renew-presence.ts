/**
 * Renews the entries of one node in a room, removes those that have expired, and returns all that remain. The
 * cost grows with the users that are present in the room, and not with the users that exist.
 */
export const RENEW_PRESENCE = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local present, lifetime = KEYS[1], tonumber(ARGV[1])
  redis.call('ZREMRANGEBYSCORE', present, '-inf', now)
  for i = 2, #ARGV do redis.call('ZADD', present, now + lifetime, ARGV[i]) end
  redis.call('PEXPIRE', present, lifetime)
  return redis.call('ZRANGE', present, 0, -1)
`;
