import type { NotificationChannel } from './key-selection.js';

/**
 * The letter of `notify-keyspace-events` that selects each event. Others, such as those of modules, are not known.
 *
 * @see https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/#events-generated-by-different-commands
 */
const EVENTS_OF: Readonly<Record<string, string>> = {
  g: 'del expire persist rename_from rename_to move_from move_to copy_to restore',
  $: 'set setrange incrby incrbyfloat append setbit pfadd',
  l: 'lpush rpush lpop rpop linsert lset lrem ltrim sortstore',
  s: 'sadd srem spop sinterstore sunionstore sdiffstore',
  h: 'hset hdel hincrby hincrbyfloat hexpire hexpired hpersist',
  z: 'zadd zincr zrem zrembyscore zrembyrank zrembylex zpopmin zpopmax zdiffstore zinterstore zunionstore zrangestore',
  x: 'expired',
  e: 'evicted',
  t: 'xadd xdel xtrim xsetid xgroup-create xgroup-createconsumer xgroup-delconsumer xgroup-destroy xgroup-setid',
  m: 'keymiss',
  n: 'new',
  o: 'overwritten',
  c: 'type_changed',
};

const LETTER_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(EVENTS_OF).flatMap(([letter, events]) =>
    events.split(' ').map((event) => [event, letter] as const),
  ),
);

/** What the letter `A` stands for. Redis adds letters to it with new types. */
const ALL = 'g$lshzxetda';

/** The letter that switches each kind of channel on. */
const CHANNEL_LETTERS: Readonly<Record<NotificationChannel, string>> = {
  keyspace: 'K',
  keyevent: 'E',
  subkeyspaceitem: 'I',
};

/** What a handler or an observer needs of `notify-keyspace-events`. */
export interface NeededNotifications {
  readonly channel: NotificationChannel;
  /** `undefined`: some events, whichever they are. */
  readonly events: readonly string[] | undefined;
}

/** The letters that `flags` lacks for all that is needed, each once; `''` if there are none. */
export function missingFlags(flags: string, needed: Iterable<NeededNotifications>): string {
  const present = new Set(flags.includes('A') ? flags + ALL : flags);
  const missing = [...needed].flatMap((it) => lettersFor(it, present));
  return [...new Set(missing)].filter((letter) => !present.has(letter)).join('');
}

function lettersFor(
  { channel, events }: NeededNotifications,
  present: ReadonlySet<string>,
): string[] {
  const letter = CHANNEL_LETTERS[channel];
  // Only hashes have fields.
  if (channel === 'subkeyspaceitem') return [letter, 'h'];
  if (events) return [letter, ...events.flatMap((event) => LETTER_OF.get(event) ?? [])];
  const hasEvents = Object.keys(EVENTS_OF).some((it) => present.has(it));
  return hasEvents ? [letter] : [letter, 'A'];
}

/** The flags in the answer to CONFIG GET; `undefined` if they are not there. */
export function flagsIn(answer: unknown): string | undefined {
  const flags: unknown = Array.isArray(answer)
    ? (answer as unknown[])[1]
    : answer instanceof Map
      ? answer.get(SETTING)
      : Reflect.get(Object(answer) as object, SETTING);
  return typeof flags === 'string' ? flags : undefined;
}

/** The setting of Redis. */
export const SETTING = 'notify-keyspace-events';
