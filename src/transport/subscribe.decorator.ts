import { EventPattern, type Transport } from '@nestjs/microservices';
import { InvalidChannelError, InvalidOptionError } from '../errors.js';
import type { HandlerOptions } from '../options/options.js';
import { kindOfValue } from '../shared/printable.js';

/** Options of {@link Subscribe}. */
export interface SubscribeOptions extends HandlerOptions {
  /**
   * The `transportId` of the module or server that runs the handler.
   *
   * @defaultValue every transport of the application
   */
  readonly transportId?: symbol | number;
}

/**
 * Method decorator: handles the events of one pattern, or of several. It is `@EventPattern` with typed options,
 * and for methods with any parameters; both may be used side by side.
 *
 * A pattern or an option value that is not valid fails the start, with an error that names it. Throws at once for
 * options that are no object, and for no pattern at all.
 *
 * @example
 * ```ts
 * class UserEvents {
 *   @Subscribe('user.:id', { concurrency: 8 })
 *   onUser(user: { name: string }) {
 *     console.log(user.name);
 *   }
 * }
 * ```
 */
export function Subscribe(
  pattern: string | readonly string[],
  options: SubscribeOptions = {},
): MethodDecorator {
  return (target, key, descriptor) => {
    assertUsable(pattern, options, nameOf(target, key));
    const { transportId, ...extras } = options;
    return EventPattern<string | readonly string[]>(pattern, transportId as Transport, extras)(
      target,
      key,
      descriptor,
    );
  };
}

/** Nest's own errors for these name neither class nor method, or there are none. */
function assertUsable(pattern: unknown, options: unknown, name: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionError(`options of @Subscribe at ${name}`, 'an object', options);
  }
  const patterns: unknown[] = Array.isArray(pattern) ? pattern : [pattern];
  const wrong = patterns.length === 0 ? pattern : patterns.find((it) => typeof it === 'symbol');
  if (wrong === undefined) return;
  throw new InvalidChannelError(
    `Expected a channel name or a pattern, got ${kindOfValue(wrong)} (in the decorator of ${name})`,
  );
}

function nameOf(target: object, method: string | symbol): string {
  const type = typeof target === 'function' ? target : target.constructor;
  return `${type.name}.${String(method)}`;
}
