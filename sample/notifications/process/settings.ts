import 'reflect-metadata';
import { Expose, Transform } from 'class-transformer';
import { IsOptional, Matches } from 'class-validator';
import { Count, readEnvironment, Url } from '../../support/environment.js';
import { DEFAULT_PORT, LOOPBACK } from './defaults.js';

/** The settings of a process of the sample, from its environment variables. Each has the name of its variable. */
export class Settings {
  /** The URL of Redis. */
  @Url('REDIS_URL', 'redis', 'rediss')
  readonly redisUrl: string = 'redis://localhost:6379';

  /** The port of an HTTP service; 0 for a free port. */
  @Count('PORT')
  readonly port: number = DEFAULT_PORT;

  /**
   * The address that an HTTP service listens on. The default is reachable from this machine only. With
   * `0.0.0.0` other machines reach the service, and can sign in as any user: the sample has no passwords.
   */
  @Expose({ name: 'LISTEN_HOST' })
  readonly listenHost: string = LOOPBACK;

  /** The host names of the services besides those of this machine, separated by commas, without ports. */
  @Expose({ name: 'ALLOWED_HOSTS' })
  @Transform(({ value }) => namesIn(value))
  @Matches(/^[^\s:/?#@]+$|^\[.*\]$/, {
    each: true,
    message: 'Expected ALLOWED_HOSTS to be host names, separated by commas',
  })
  readonly allowedHosts: readonly string[] = [];

  /** The port of the metrics and the health of this process; 0 for a free port, and none without it. */
  @IsOptional()
  @Count('MONITORING_PORT')
  readonly monitoringPort: number | undefined = undefined;

  /** The number of changes, such as messages and likes, that a user can request within ten seconds. */
  @Count('CHANGE_LIMIT')
  readonly changeLimit: number = 30;

  /** The number of streams that a user can have open at one gateway. */
  @Count('STREAM_LIMIT')
  readonly streamLimit: number = 20;

  /** Each id with this prefix is a user too, for load tests; empty for none. */
  @Expose({ name: 'GUEST_PREFIX' })
  readonly guestPrefix: string = '';

  /** The URL of the activity service, for the gateway. */
  @Url('ACTIVITY_URL', 'http', 'https')
  readonly activityUrl: string = `http://${LOOPBACK}:3002`;

  /** `off` for no log of messages; `launcher` if the launcher logs those of this process. */
  @Expose({ name: 'TRACE' })
  readonly trace: string = 'on';

  /** Whether every message through Redis is logged, and shown on the page. */
  get isTracing(): boolean {
    return this.trace !== 'off';
  }

  /** Whether the launcher logs the messages of this process, in order with those of other processes. */
  get isTracedByLauncher(): boolean {
    return this.trace === 'launcher' && process.send !== undefined;
  }
}

/** The settings of this process. Throws for one that is wrong. */
export function readSettings(): Settings {
  return (known ??= readEnvironment(Settings));
}

let known: Settings | undefined;

function namesIn(value: unknown): readonly string[] {
  if (typeof value !== 'string') return [];
  return value
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter(Boolean);
}
