/** What a process of the sample is told by its environment. */
export const settings = {
  /** Where Redis is. */
  get redisUrl(): string {
    return process.env.REDIS_URL ?? 'redis://localhost:6379';
  },
  /** Where an HTTP service listens; 0 for any free port. */
  get port(): number {
    return integer('PORT', 3000);
  },
  /** What this instance is called in the logs and on the page. */
  get instance(): string | undefined {
    return process.env.INSTANCE;
  },
  /** Signs sessions. The same for everyone who makes or checks them, and nobody else. */
  get sessionSecret(): string {
    const secret = process.env.SESSION_SECRET ?? '';
    if (secret.length >= 32) return secret;
    throw new Error(`Expected SESSION_SECRET to have at least 32 characters, got ${secret.length}`);
  },
  /**
   * The name of the cookie. Instances behind one host name share one; browsers do not tell the ports
   * of a host apart, so on one machine each instance has its own.
   */
  get sessionCookie(): string {
    return process.env.SESSION_COOKIE ?? 'session';
  },
  /** Where the gateway finds the activity service. */
  get activityUrl(): string {
    return process.env.ACTIVITY_URL ?? 'http://localhost:3002';
  },
  /** Whether every message through Redis is a line of the log. */
  get isTracing(): boolean {
    return process.env.TRACE !== 'off';
  },
};

function integer(name: string, otherwise: number): number {
  const text = process.env[name] ?? String(otherwise);
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`Expected ${name} to be an integer ≥ 0, got "${text}"`);
}
