import { Logger } from '@nestjs/common';
import { runOutside } from '../shared/async-context.js';

/**
 * Nest's logger, whose lines are written in the context of no request: the request that is current when something
 * happens to all of them is not its cause, and a logger that reads `AsyncLocalStorage` would name it.
 */
export class OutsideLogger extends Logger {
  override log(message: unknown, ...rest: unknown[]): void {
    runOutside(() => super.log(message, ...rest));
  }

  override warn(message: unknown, ...rest: unknown[]): void {
    runOutside(() => super.warn(message, ...rest));
  }

  override error(message: unknown, ...rest: unknown[]): void {
    runOutside(() => super.error(message, ...rest));
  }
}
