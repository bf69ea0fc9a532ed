/** What follows a first byte from 0xc0 to 0xdf: the bytes of a value, or of a length. */
type Following = 'value' | 'bytes' | 'extension' | 'array' | 'map';

/** How a value begins, from 0xc0 on. Nothing begins with 0xc1. */
const HEADS: readonly (readonly [following: Following, bytes: number] | undefined)[] = [
  ['value', 0],
  undefined,
  ['value', 0],
  ['value', 0],
  ['bytes', 1],
  ['bytes', 2],
  ['bytes', 4],
  ['extension', 1],
  ['extension', 2],
  ['extension', 4],
  ['value', 4],
  ['value', 8],
  ['value', 1],
  ['value', 2],
  ['value', 4],
  ['value', 8],
  ['value', 1],
  ['value', 2],
  ['value', 4],
  ['value', 8],
  // Extensions of 1, 2, 4, 8 and 16 bytes have no length.
  ['extension', 0],
  ['extension', 0],
  ['extension', 0],
  ['extension', 0],
  ['extension', 0],
  ['bytes', 1],
  ['bytes', 2],
  ['bytes', 4],
  ['array', 2],
  ['array', 4],
  ['map', 2],
  ['map', 4],
];
const FIRST_HEAD = 0xc0;
const FIXED_EXTENSION = 0xd4;
const FIXMAP = 0x80;
const FIXARRAY = 0x90;
const FIXTEXT = 0xa0;
const NEGATIVE = 0xe0;

/** The type of a point in time, the one extension that is read. */
const TIMESTAMP = 0xff;

/**
 * Whether bytes are one value of MessagePack, to their end, and have no extension but points in time. msgpackr has
 * extensions of its own, which create functions, errors and expressions: they are for data that one trusts.
 *
 * Takes time in proportion to the bytes, whatever lengths they claim.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export function isMessagePack(bytes: Uint8Array): boolean {
  const scan = new Scan(bytes);
  while (scan.pending > 0) if (!scan.next()) return false;
  return scan.at === bytes.length;
}

class Scan {
  at = 0;
  /** How many values are still to come. */
  pending = 1;

  constructor(private readonly bytes: Uint8Array) {}

  /** Reads the beginning of a value, and all of one that contains no other. Returns whether it is valid so far. */
  next(): boolean {
    // Each value has a byte.
    if (this.pending > this.bytes.length - this.at) return false;
    const first = this.bytes[this.at++] ?? 0;
    this.pending--;
    if (first < FIXMAP || first >= NEGATIVE) return true;
    if (first >= FIRST_HEAD) return this.#long(first);
    if (first < FIXARRAY) this.pending += 2 * (first - FIXMAP);
    else if (first < FIXTEXT) this.pending += first - FIXARRAY;
    else this.at += first - FIXTEXT;
    return true;
  }

  #long(first: number): boolean {
    const head = HEADS[first - FIRST_HEAD];
    if (!head) return false;
    const [following, size] = head;
    if (following === 'value') {
      this.at += size;
      return true;
    }
    const isFixed = following === 'extension' && size === 0;
    const length = isFixed ? 2 ** (first - FIXED_EXTENSION) : this.#number(size);
    if (following === 'array') this.pending += length;
    else if (following === 'map') this.pending += 2 * length;
    else if (following === 'extension') return this.#extension(length);
    else this.at += length;
    return true;
  }

  #extension(length: number): boolean {
    const type = this.bytes[this.at];
    this.at += 1 + length;
    return type === TIMESTAMP;
  }

  #number(size: number): number {
    let number = 0;
    for (let i = 0; i < size; i++) number = number * 256 + (this.bytes[this.at++] ?? 0);
    return number;
  }
}

/**
 * Whether bytes begin as an object of MessagePack does, and as no text does: bytes from 0x80 to 0x8f begin no character of
 * UTF-8, and 0xde and 0xdf need a byte after them that is above 0x7f.
 */
export function beginsAsObject(bytes: Uint8Array): boolean {
  const [first = 0, second = FIXMAP] = bytes;
  if (first >= FIXMAP && first < FIXARRAY) return true;
  return (first === 0xde || first === 0xdf) && second < FIXMAP;
}
