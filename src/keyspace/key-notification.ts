import type { ChannelParams } from '../channel/channel-pattern.js';
import { addBrand, brandOf, hasBrand } from '../shared/brand.js';

const NOTIFICATION = brandOf('key-notification');

/** What a {@link KeyNotification} is made of. */
export interface NotifiedKey {
  readonly key: string;
  /** The bytes of a key that is not UTF-8. */
  readonly bytes?: Buffer | undefined;
  readonly event: string;
  readonly database: number;
  readonly params: ChannelParams;
  readonly field?: string | undefined;
}

/**
 * A change of a key, as Redis reports it: the payload of a handler of `@OnKeyEvent`, `@OnKey` and `@OnHashField`, and what
 * `observeKeys` emits. It has no value: read it from Redis, which may have another one by then.
 *
 * @see https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/
 */
export class KeyNotification {
  static {
    addBrand(this.prototype, NOTIFICATION);
  }

  /** The key as text. U+FFFD stands for bytes that are not UTF-8: see {@link KeyNotification.keyBytes}. */
  readonly key: string;
  /** What happened: `expired`, `set`, `del`, … */
  readonly event: string;
  /** The number of the database. */
  readonly database: number;
  /** The values of the `:name` segments of the pattern. */
  readonly params: ChannelParams;
  /** The field of the hash; for `@OnHashField` and the option `field` only. */
  readonly field?: string;
  readonly #bytes: Buffer | undefined;

  /** @internal */
  constructor({ key, bytes, event, database, params, field }: NotifiedKey) {
    this.key = key;
    this.event = event;
    this.database = database;
    this.params = params;
    if (field !== undefined) this.field = field;
    this.#bytes = bytes;
  }

  /** The bytes of the key, for keys that are not text. */
  get keyBytes(): Buffer {
    return this.#bytes ?? Buffer.from(this.key);
  }
}

/** Whether a value is a notification, of this copy of the package or another. */
export function isKeyNotification(value: unknown): value is KeyNotification {
  return hasBrand(value, NOTIFICATION);
}
