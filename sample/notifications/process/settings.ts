/** The settings of a process of the sample, from its environment variables. */
export const settings = {
  /** The URL of Redis. */
  get redisUrl(): string {
    return process.env.REDIS_URL ?? 'redis://localhost:6379';
  },
  /** The port of an HTTP service; 0 for a free port. */
  get port(): number {
    return integer('PORT', 3000);
  },
  /** The name of this instance in the logs and on the page. */
  get instance(): string | undefined {
    return process.env.INSTANCE;
  },
  /** The key that signs and verifies session tokens. Only the services of the sample may know it. */
  get sessionSecret(): string {
    const secret = process.env.SESSION_SECRET ?? '';
    if (secret.length >= 32) return secret;
    throw new Error(`Expected SESSION_SECRET to have at least 32 characters, got ${secret.length}`);
  },
  /**
   * The name of the session cookie. Instances behind one host name share the name. Browsers send a cookie to
   * all ports of a host, so that gateways on different ports of one machine need different names.
   */
  get sessionCookie(): string {
    return process.env.SESSION_COOKIE ?? 'session';
  },
  /** The URL of the activity service, for the gateway. */
  get activityUrl(): string {
    return process.env.ACTIVITY_URL ?? 'http://localhost:3002';
  },
  /** Whether every message through Redis is logged. */
  get isTracing(): boolean {
    return process.env.TRACE !== 'off';
  },
};

function integer(name: string, defaultValue: number): number {
  const text = process.env[name] ?? String(defaultValue);
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`Expected ${name} to be an integer ≥ 0, got "${text}"`);
}
