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

/** What the handlers and observers of a bus need of `notify-keyspace-events`. */
export class NeededFlags {
  readonly #letters = new Set<string>();
  #needsEvents = false;

  /** Adds a channel, with its events: `undefined` for those that Redis reports. Returns whether it needs more now. */
  add(channel: NotificationChannel, events: readonly string[] | undefined): boolean {
    const before = `${this.#letters.size} ${this.#needsEvents}`;
    this.#letters.add(CHANNEL_LETTERS[channel]);
    // Only hashes have fields.
    if (channel === 'subkeyspaceitem') this.#letters.add('h');
    else if (!events) this.#needsEvents = true;
    for (const event of events ?? []) {
      const letter = LETTER_OF.get(event);
      if (letter !== undefined) this.#letters.add(letter);
    }
    return `${this.#letters.size} ${this.#needsEvents}` !== before;
  }

  /** The letters that `flags` lacks, each once; `''` if there are none. */
  missingIn(flags: string): string {
    const present = new Set(flags.includes('A') ? flags + ALL : flags);
    const missing = [...this.#letters].filter((letter) => !present.has(letter));
    const hasEvents = [...present, ...missing].some((letter) => letter in EVENTS_OF);
    if (this.#needsEvents && !hasEvents) missing.push('A');
    return missing.join('');
  }
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
