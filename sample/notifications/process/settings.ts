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
  /**
   * The address that an HTTP service listens on. The default is reachable from this machine only. With
   * `0.0.0.0` other machines reach the service, and can sign in as any user: the sample has no passwords.
   */
  get listenHost(): string {
    return process.env.LISTEN_HOST ?? LOOPBACK;
  },
  /** The host names of the services besides those of this machine, separated by commas, without ports. */
  get allowedHosts(): readonly string[] {
    return (process.env.ALLOWED_HOSTS ?? '')
      .split(',')
      .map((name) => name.trim().toLowerCase())
      .filter(Boolean);
  },
  /** The number of changes, such as messages and likes, that a user can request within ten seconds. */
  get changeLimit(): number {
    return integer('CHANGE_LIMIT', 30);
  },
  /** The number of streams that a user can have open at one gateway. */
  get streamLimit(): number {
    return integer('STREAM_LIMIT', 20);
  },
  /** Each id with this prefix is a user too, for load tests; empty for none. */
  get guestPrefix(): string {
    return process.env.GUEST_PREFIX ?? '';
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
    return process.env.ACTIVITY_URL ?? `http://${LOOPBACK}:3002`;
  },
  /** Whether every message through Redis is logged, and shown on the page. */
  get isTracing(): boolean {
    return process.env.TRACE !== 'off';
  },
  /** Whether the launcher logs the messages of this process, in order with those of other processes. */
  get isTracedByLauncher(): boolean {
    return process.env.TRACE === 'launcher' && process.send !== undefined;
  },
};

/** The address that only this machine reaches. */
export const LOOPBACK = '127.0.0.1';

function integer(name: string, defaultValue: number): number {
  const text = process.env[name] ?? String(defaultValue);
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`Expected ${name} to be an integer ≥ 0, got "${text}"`);
}
