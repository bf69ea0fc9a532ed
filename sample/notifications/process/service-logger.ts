import { isatty } from 'node:tty';
import { ConsoleLogger } from '@nestjs/common';

/** The context of the log lines about connections. */
const CONNECTIONS = 'RedisPubSub';

/**
 * Logs warnings and errors, and that a connection is back: as a warning too, because that it was lost is one.
 * Nest's own lines about its start are left out.
 */
export class ServiceLogger extends ConsoleLogger {
  constructor(instance: string) {
    super({
      prefix: instance,
      logLevels: ['warn', 'error', 'fatal'],
      colors: isatty(process.stdout.fd),
    });
  }

  override log(message: unknown, ...more: unknown[]): void {
    if (more.at(-1) === CONNECTIONS) this.warn(message, ...more);
  }
}
