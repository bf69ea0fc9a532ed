import { Expose, Transform } from 'class-transformer';
import { IsUrl, MinLength } from 'class-validator';
import { Count, readEnvironment, Url } from '../../support/environment.js';

/** The settings of a node, from its environment variables. */
export class Settings {
  /** The URL of Redis. */
  @Url('REDIS_URL', 'redis', 'rediss')
  readonly redisUrl: string = 'redis://localhost:6379';

  /** The port of the page and of the WebSockets; 0 for a free port. */
  @Count('PORT')
  readonly port: number = 3000;

  /** The addresses of all nodes, separated by commas; the page tries one after the other. */
  @Expose({ name: 'NODES' })
  @Transform(({ value }) => addressesIn(value))
  @IsUrl(
    { protocols: ['http', 'https'], require_tld: false, require_protocol: true },
    { each: true, message: 'Expected NODES to be URLs that begin with http:// or https://' },
  )
  readonly nodes: readonly string[] = [];

  /** The name of this node, which the page shows. */
  @Expose({ name: 'INSTANCE' })
  readonly instance: string = 'node';

  /** The key that signs session tokens; the same for all nodes. */
  @Expose({ name: 'SESSION_SECRET' })
  @MinLength(32, {
    message: ({ value }) =>
      `Expected SESSION_SECRET to have at least 32 characters, got ${String(value).length}`,
  })
  readonly sessionSecret: string = '';

  /** The number of messages that a user can say in one room within ten seconds. */
  @Count('MESSAGE_LIMIT')
  readonly messageLimit: number = 10;

  /** Time until the users of a node that has died are no longer present, in milliseconds. */
  @Count('PRESENCE_TTL_MS')
  readonly presenceTtlMs: number = 15_000;
}

/** The settings of this process. Throws for one that is wrong. */
export function readSettings(): Settings {
  return (known ??= readEnvironment(Settings));
}

let known: Settings | undefined;

function addressesIn(value: unknown): readonly string[] {
  if (typeof value !== 'string') return [];
  return value
    .split(',')
    .map((address) => address.trim().replace(/\/$/, ''))
    .filter(Boolean);
}
