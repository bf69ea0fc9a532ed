import { InvalidOptionError } from '../errors.js';
import { checkOneOf } from '../options/option-checks.js';
import { unknownName } from '../options/unknown-option.js';
import { nearestName } from '../shared/nearest-name.js';
import type { KeySelectionOptions } from './key-selection.js';

/** Options as they were given: of any type. */
export type GivenOptions = Readonly<Record<string, unknown>>;

const OF_EVENTS = ['database', 'order', 'transportId'];
const OF_KEYS = [...OF_EVENTS, 'events'];

const NO_SHARDS = 'absent, since the notifications of keys have no shard channels';

const NO_GROUPS = 'absent, since the notifications of keys have no ids that a group could claim';

/**
 * Checks the options of a decorator that are not those of each handler. Other names are extras of the application,
 * unless they look like a misspelt option.
 *
 * @throws InvalidOptionError for a wrong value, and for a misspelt name
 */
export function checkHandlerOptions(options: unknown, by: KeySelectionOptions['by']): void {
  const given = asObject(options);
  if (by === 'event' && given.events !== undefined) {
    throw new InvalidOptionError('events', 'absent: the event is the first argument', given.events);
  }
  if (given.sharded !== undefined)
    throw new InvalidOptionError('sharded', NO_SHARDS, given.sharded);
  if (given.group !== undefined) throw new InvalidOptionError('group', NO_GROUPS, given.group);
  const names = by === 'event' ? OF_EVENTS : OF_KEYS;
  const misspelt = Object.keys(given).find(
    (name) => !names.includes(name) && nearestName(name, names, 2) !== undefined,
  );
  if (misspelt !== undefined) throw unknownName('handler option', misspelt, names);
  if (given.order !== undefined) checkOneOf('order', given.order, ['key']);
}

/** The selection of `observeKeys`: by the field, if there is one. Throws `InvalidOptionError` for an unknown option. */
export function keysSelection(pattern: unknown, options: unknown): KeySelectionOptions {
  const { field, events, database } = observerOptions(options, ['events', 'field']);
  return field === undefined
    ? { by: 'key', pattern, events, database }
    : { by: 'field', pattern, field, events, database };
}

/** The selection of `observeKeyEvent`. Throws `InvalidOptionError` for an unknown option. */
export function eventSelection(
  event: unknown,
  pattern: unknown,
  options: unknown,
): KeySelectionOptions {
  const { database } = observerOptions(options, []);
  return { by: 'event', event, pattern, database };
}

function observerOptions(options: unknown, own: readonly string[]): GivenOptions {
  const given = asObject(options);
  const names = ['database', ...own, 'onSubscribed'];
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownName('option', unknown, names);
  return given;
}

function asObject(options: unknown): GivenOptions {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) {
    return options as GivenOptions;
  }
  throw new InvalidOptionError('options', 'an object', options);
}
