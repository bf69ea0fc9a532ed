import { EventPattern, type Transport } from '@nestjs/microservices';
import type { HandlerOptions } from '../options/options.js';
import { withSource, type CreateSource } from '../transport/message-source.js';
import { checkHandlerOptions, type GivenOptions } from './key-options.js';
import { startOf, type KeySelectionOptions, type NotificationChannel } from './key-selection.js';
import { KeySource } from './key-source.js';

/** Options of {@link OnKeyEvent}. */
export interface OnKeyEventOptions extends Omit<HandlerOptions, 'sharded' | 'order' | 'group'> {
  /**
   * The number of the database whose keys are meant. The `db` of the connection does not matter.
   *
   * @defaultValue `0`
   */
  database?: number;

  /**
   * The order of notifications. With `'key'`, those of one key are handled one after the other, and those of other keys
   * at the same time.
   *
   * @defaultValue none
   */
  order?: 'key';

  /**
   * The `transportId` of the module or server that runs the handler.
   *
   * @defaultValue every transport of the application
   */
  transportId?: symbol | number;
}

/** Options of {@link OnKey} and {@link OnHashField}. */
export interface OnKeyOptions extends OnKeyEventOptions {
  /**
   * The names of the events, such as `['set', 'del']`. They are compared in this process.
   *
   * @defaultValue all events that Redis reports
   */
  events?: readonly string[];
}

/**
 * Method decorator: handles one event of Redis, or several, for all keys that a pattern matches. The keys are compared in
 * this process, so that Redis has no pattern to compare its messages with.
 *
 * A value that is not valid fails the start, with an error that names it.
 *
 * @param event - Its name, such as `expired`, `del` or `set`.
 * @param pattern - A key, a glob, or a pattern with `:name` segments. Default: all keys.
 *
 * @example
 * ```ts
 * class Sessions {
 *   @OnKeyEvent('expired', 'session::id')
 *   onExpired(@KeyParam('id') id: string) {
 *     console.log(`session ${id} has ended`);
 *   }
 * }
 * ```
 *
 * @see https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/
 */
export function OnKeyEvent(
  event: string | readonly string[],
  pattern = '*',
  options: OnKeyEventOptions = {},
): MethodDecorator {
  const events: readonly unknown[] = Array.isArray(event) ? [...new Set(event)] : [event];
  const { database } = given(options);
  return handle(
    options,
    events.map((it) => [
      nameOf('keyevent', database, it),
      { by: 'event', event: it, pattern, database },
    ]),
  );
}

/**
 * Method decorator: handles the events of all keys that a pattern matches. A key without a wildcard or a parameter is a
 * channel at Redis, and any other pattern a glob.
 *
 * A value that is not valid fails the start, with an error that names it.
 *
 * @param pattern - A key, a glob, or a pattern with `:name` segments.
 *
 * @see https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/
 */
export function OnKey(pattern: string, options: OnKeyOptions = {}): MethodDecorator {
  const { database, events } = given(options);
  return handle(options, [
    [nameOf('keyspace', database, pattern), { by: 'key', pattern, events, database }],
  ]);
}

/**
 * Method decorator: handles the changes of fields of hashes. It is called once for each field. Needs Redis 8.8 or
 * later: with another server the start fails, with an error that names its version.
 *
 * @param pattern - A key, a glob, or a pattern with `:name` segments.
 * @param field - The name or the glob of a field.
 *
 * @see https://redis.io/docs/latest/develop/pubsub/subkeyspace-notifications/
 */
export function OnHashField(
  pattern: string,
  field: string,
  options: OnKeyOptions = {},
): MethodDecorator {
  const { database, events } = given(options);
  return handle(options, [
    [
      nameOf('subkeyspaceitem', database, `${pattern}\n${field}`),
      { by: 'field', pattern, field, events, database },
    ],
  ]);
}

/** Options of any type: a wrong value is refused at the start, where the error names the method. */
function given(options: unknown): GivenOptions {
  return Object(options) as GivenOptions;
}

/** What other transports would subscribe to. */
function nameOf(channel: NotificationChannel, database: unknown, rest: unknown): string {
  return startOf(channel, Number(database ?? 0)) + String(rest);
}

function handle(
  options: OnKeyEventOptions,
  selections: readonly (readonly [name: string, KeySelectionOptions])[],
): MethodDecorator {
  const byName = new Map(selections);
  const createSource: CreateSource = (bus, name) => {
    const selection = byName.get(name) as KeySelectionOptions;
    checkHandlerOptions(options, selection.by);
    return new KeySource(bus, selection);
  };
  const { database: _, events: __, order, transportId, ...extras } = given(options);
  const handlerOptions = order === undefined ? extras : { ...extras, order: 'channel' };
  return EventPattern<readonly string[]>(
    [...byName.keys()],
    transportId as Transport,
    withSource(handlerOptions, createSource),
  );
}
