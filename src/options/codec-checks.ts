import type { Codec } from '../codec/codec.js';
import { InvalidOptionError } from '../errors.js';

/** The options that depend on each other, with their defaults in place. */
interface CodecOptions {
  readonly codec: 'envelope' | 'json' | Codec;
  readonly accepts: readonly ('envelope' | Codec)[];
  readonly messageIds: boolean;
  readonly history: object | undefined;
}

/** Several formats are read only where each payload tells its own. */
export function assertCodecsDiffer({
  codec,
  accepts,
}: Pick<CodecOptions, 'codec' | 'accepts'>): void {
  if (accepts.length === 0) return;
  if (codec === 'json' || (codec !== 'envelope' && codec.envelope === false)) {
    throw new InvalidOptionError(
      'accepts',
      'empty for bare data, which does not tell its format',
      accepts,
    );
  }
  const silent = [codec, ...accepts].filter((it) => it === 'envelope' || !it.recognizes);
  if (silent.length < 2) return;
  throw new InvalidOptionError(
    'accepts',
    'codecs with the function "recognizes": beside "codec", one alone may do without it',
    accepts,
  );
}

/** A history finds its place by the id of a message. */
export function assertHasIds({ history, messageIds, codec }: Omit<CodecOptions, 'accepts'>): void {
  if (!history) return;
  if (!messageIds) throw new InvalidOptionError('messageIds', 'true beside "history"', messageIds);
  const isBare = codec === 'json' || (typeof codec === 'object' && codec.envelope === false);
  if (!isBare) return;
  const got = typeof codec === 'string' ? codec : 'one for bare data';
  throw new InvalidOptionError('codec', 'one with an envelope, beside "history"', got);
}
