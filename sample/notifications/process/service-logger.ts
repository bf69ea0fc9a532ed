import { isatty } from 'node:tty';
import { ConsoleLogger } from '@nestjs/common';

/** Logs warnings and errors. Nest's own lines about its start are left out. */
export class ServiceLogger extends ConsoleLogger {
  constructor(instance: string) {
    super({
      prefix: instance,
      logLevels: ['warn', 'error', 'fatal'],
      colors: isatty(process.stdout.fd),
    });
  }
}
