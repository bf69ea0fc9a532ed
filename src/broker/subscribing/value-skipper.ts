/** The end of the line of a RESP value. A line feed follows it. */
export const CR = 13;
/** The length of a bulk string. */
export const DOLLAR = 36;

const MINUS = 45;
const ZERO = 48;

/** What follows the line of a value of each type, by the byte that the value begins with. */
type Content = 'nothing' | 'bytes' | 'values' | 'pairs' | 'pairs and a value';

const CONTENTS: readonly (Content | undefined)[] = Object.entries({
  '+-:_#,(': 'nothing',
  '$!=': 'bytes',
  '*>~': 'values',
  '%': 'pairs',
  '|': 'pairs and a value',
} as const).reduce<(Content | undefined)[]>((contents, [types, content]) => {
  for (const type of types) contents[type.charCodeAt(0)] = content;
  return contents;
}, Array<Content | undefined>(256).fill(undefined));

/**
 * Finds where a value of RESP2 or RESP3 ends, over as many chunks as it takes. It keeps none of them, and reads each
 * byte at most once. A value counts those that it contains, whatever their depth, so that no stack is needed.
 *
 * What is no value of RESP has no end: its reader is the one that knows what to do.
 *
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export class ValueSkipper {
  /** How many values have not begun. */
  #values = 0;
  /** How many bytes follow that are no line. */
  #bytes = 0;
  /** What follows the line that is being read. */
  #content: Content | undefined;
  #length = 0;
  #isNull = false;

  /** Whether the value goes on in the next chunk. */
  get isInside(): boolean {
    return this.#values > 0 || this.#bytes > 0 || this.#content !== undefined;
  }

  /** Skips a value that begins at `at`. Returns where it ends, or where the chunk does. */
  skip(chunk: Buffer, at: number): number {
    this.#values = 1;
    return this.resume(chunk, at);
  }

  /** Skips on in the next chunk. */
  resume(chunk: Buffer, from = 0): number {
    let at = from;
    while (at < chunk.length && this.isInside) {
      if (this.#bytes > 0) {
        const skipped = Math.min(this.#bytes, chunk.length - at);
        this.#bytes -= skipped;
        at += skipped;
      } else if (this.#content === undefined) {
        this.#begin(chunk[at++] as number);
      } else {
        at = this.#readLine(chunk, at);
      }
    }
    return at;
  }

  #begin(type: number): void {
    this.#values--;
    this.#content = CONTENTS[type];
    this.#length = 0;
    this.#isNull = false;
    if (this.#content === undefined) this.#bytes = Infinity;
  }

  #readLine(chunk: Buffer, from: number): number {
    const hasLength = this.#content !== 'nothing';
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (byte === CR) {
        this.#endLine(this.#content as Content);
        return at + 1;
      }
      if (hasLength) this.#readLength(byte);
    }
    return chunk.length;
  }

  #readLength(byte: number): void {
    const digit = byte - ZERO;
    if (digit >= 0 && digit <= 9) this.#length = this.#length * 10 + digit;
    else if (byte === MINUS) this.#isNull = true;
    // A length that is not known yet, `?`. Redis sends none.
    else this.#length = Infinity;
  }

  #endLine(content: Content): void {
    const length = this.#isNull ? 0 : this.#length;
    this.#content = undefined;
    // The line feed.
    this.#bytes = 1;
    if (content === 'bytes' && !this.#isNull) this.#bytes += length + 2;
    else if (content === 'values') this.#values += length;
    else if (content.startsWith('pairs')) this.#values += 2 * length;
    if (content === 'pairs and a value') this.#values++;
  }
}
