import { Packr } from 'msgpackr';
import { InvalidOptionError } from '../errors.js';
import type { Codec } from '../codec/codec.js';
import { checkBoolean, checkOneOf } from '../options/option-checks.js';
import { unknownName } from '../options/unknown-option.js';
import { beginsAsObject, isMessagePack } from './scan.js';
import { hasPrototypeKey } from './prototype-key.js';
import { findUnpackable, PROTOTYPE_KEY } from './unpackable.js';

/** Options of {@link msgpack}. */
export interface MsgpackOptions {
  /**
   * Whether messages are Nest's packets, which carry requests and headers, or the bare data.
   *
   * @defaultValue `true`
   */
  readonly envelope?: boolean;

  /**
   * What an integer of 64 bits is read as. With `'bigint'`, each is a `BigInt`, as it was sent. With `'auto'`, it is a
   * number where that is exact: clients in other languages send large numbers so.
   *
   * @defaultValue `'bigint'`
   */
  readonly int64?: 'bigint' | 'auto';
}

const OPTIONS: readonly string[] = ['envelope', 'int64'] satisfies (keyof MsgpackOptions)[];

/**
 * Creates a codec for MessagePack. It carries what JSON does, and bytes, dates, `BigInt` of 64 bits, `NaN` and `Infinity`.
 * Data that would not arrive as it was sent, such as a `Map`, is a `PayloadError` that names the part. A payload that is not
 * MessagePack, has extensions other than points in time, or has the key `__proto__`, is dropped.
 *
 * @throws InvalidOptionError for a wrong option
 *
 * @see https://msgpack.org
 */
export function msgpack(options: MsgpackOptions = {}): Required<Codec> {
  const { envelope, int64AsType } = readOptions(options);
  // Without records each object has its keys, as readers in other languages expect.
  const packr = new Packr({
    useRecords: false,
    encodeUndefinedAsNil: true,
    // The types of msgpackr lack these two.
    ...({ int64AsType, skipValues: [undefined] } as object),
  });
  return {
    envelope,
    encode(value) {
      const unpackable = findUnpackable(value);
      if (unpackable === undefined) return packr.pack(value);
      throw new TypeError(`MessagePack has no form for ${unpackable}`);
    },
    decode(payload) {
      if (!isMessagePack(payload)) throw new TypeError('Expected MessagePack');
      const isForged = readSafely(() => hasPrototypeKey(payload));
      if (isForged) throw new TypeError(`Expected MessagePack without the key "${PROTOTYPE_KEY}"`);
      return readSafely(() => packr.unpack(payload) as unknown);
    },
    recognizes: beginsAsObject,
  };
}

function readSafely<T>(read: () => T): T {
  try {
    return read();
  } catch {
    // Not as the cause: the errors of msgpackr may quote the payload.
    throw new TypeError(
      'Expected MessagePack that is an object of JavaScript: a key is no text, or it is nested too deeply',
    );
  }
}

function readOptions(options: unknown) {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionError('options of msgpack', 'an object', options);
  }
  const unknown = Object.keys(options).find((it) => !OPTIONS.includes(it));
  if (unknown !== undefined) throw unknownName('option of msgpack', unknown, OPTIONS);
  const { envelope = true, int64 = 'bigint' } = options as MsgpackOptions;
  return {
    envelope: checkBoolean('envelope', envelope),
    int64AsType: checkOneOf('int64', int64, ['bigint', 'auto']),
  };
}
