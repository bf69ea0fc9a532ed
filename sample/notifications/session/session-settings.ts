import { registerAs, type ConfigType } from '@nestjs/config';
import { Expose } from 'class-transformer';
import { MinLength } from 'class-validator';
import { readEnvironment } from '../../support/environment.js';

/** The settings of the services that know sessions, from their environment variables. */
class Settings {
  /** The key that signs and verifies session tokens. Only the services of the sample may know it. */
  @Expose({ name: 'SESSION_SECRET' })
  @MinLength(32, {
    message: ({ value }) =>
      `Expected SESSION_SECRET to have at least 32 characters, got ${String(value).length}`,
  })
  readonly secret: string = '';

  /**
   * The name of the session cookie. Instances behind one host name share the name. Browsers send a cookie to
   * all ports of a host, so that gateways on different ports of one machine need different names.
   */
  @Expose({ name: 'SESSION_COOKIE' })
  readonly cookie: string = 'session';
}

/** The settings of sessions, for injection. */
export const sessionSettings = registerAs('session', () => readEnvironment(Settings));

export type SessionSettings = ConfigType<typeof sessionSettings>;
