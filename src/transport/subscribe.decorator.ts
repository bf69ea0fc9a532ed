import { EventPattern, type Transport } from '@nestjs/microservices';
import type { HandlerOptions } from '../options/options.js';

/** Options of {@link Subscribe}. */
export interface SubscribeOptions extends HandlerOptions {
  /**
   * The module or server that runs the handler, by its `transportId`.
   *
   * @default every transport of the application
   */
  readonly transportId?: symbol | number;
}

/**
 * Method decorator: handles the events of one pattern, or of several. It is `@EventPattern` with typed options,
 * and for methods with any parameters; both may be used side by side.
 *
 * A pattern or an option value that is not valid fails the start, with an error that names it.
 *
 * @example `@Subscribe('user.:id', { concurrency: 8 })`
 */
export function Subscribe(
  pattern: string | readonly string[],
  { transportId, ...extras }: SubscribeOptions = {},
): MethodDecorator {
  return EventPattern<string | readonly string[]>(pattern, transportId as Transport, extras);
}
