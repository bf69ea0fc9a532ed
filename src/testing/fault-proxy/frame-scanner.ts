const LINE_FEED = 10;
/** The two bytes at the end of a bulk string. */
const END_OF_BULK = 2;

/** How many values follow the line of an aggregate, per unit of its length. An attribute stands before one more value. */
const AGGREGATES: Readonly<Partial<Record<string, (length: number) => number>>> = {
  '*': (length) => length,
  '>': (length) => length,
  '~': (length) => length,
  '%': (length) => 2 * length,
  '|': (length) => 2 * length + 1,
};

/** The types whose content is a number of bytes: bulk strings, bulk errors and verbatim strings. */
const BULKS: ReadonlySet<string> = new Set(['$', '!', '=']);

/**
 * Cuts the bytes of a connection into whole frames of RESP2 or RESP3: commands, replies and pushes. Any bytes may be in
 * a frame, and a chunk may end anywhere.
 *
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export class FrameScanner {
  readonly #onFrame: (frame: Buffer) => void;
  /** What has arrived of a frame that is not complete. */
  #parts: Buffer[] = [];
  /** The values that are missing in the frame. */
  #missingValues = 1;
  /** The bytes that are missing in a bulk string, its end included. */
  #missingBytes = 0;
  /** The beginning of a line that a chunk cuts. */
  #line = '';

  /** `onFrame` takes each frame, which is valid as long as the chunks are. */
  constructor(onFrame: (frame: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  /** Reads the next bytes of the connection. */
  read(chunk: Buffer): void {
    let start = 0;
    let at = 0;
    while (at < chunk.length) {
      at = this.#missingBytes > 0 ? this.#readBytes(chunk, at) : this.#readLine(chunk, at);
      if (this.#missingValues > 0) continue;
      this.#complete(chunk.subarray(start, at));
      start = at;
    }
    if (start < at) this.#parts.push(chunk.subarray(start));
  }

  #complete(end: Buffer): void {
    const parts = [...this.#parts, end];
    this.#parts = [];
    this.#missingValues = 1;
    this.#onFrame(parts.length === 1 ? end : Buffer.concat(parts));
  }

  #readBytes(chunk: Buffer, at: number): number {
    const end = Math.min(at + this.#missingBytes, chunk.length);
    this.#missingBytes -= end - at;
    if (this.#missingBytes === 0) this.#missingValues--;
    return end;
  }

  #readLine(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LINE_FEED, at) + 1;
    this.#line += chunk.toString('latin1', at, end || chunk.length);
    if (end === 0) return chunk.length;
    this.#onLine(this.#line);
    this.#line = '';
    return end;
  }

  #onLine(line: string): void {
    const type = line.charAt(0);
    // Absent values have the length -1.
    const length = Math.max(Number.parseInt(line.slice(1), 10) || 0, 0);
    const isNull = line.charAt(1) === '-';
    if (BULKS.has(type) && !isNull) this.#missingBytes = length + END_OF_BULK;
    else this.#missingValues += (AGGREGATES[type]?.(length) ?? 0) - 1;
  }
}

/**
 * The first elements of an array or a push, as byte strings: the text of bulk strings, and other lines as they are.
 *
 * @param count - How many to read at most, since the rest may be large. It ends before a nested array, too.
 */
export function elementsOf(frame: Buffer, count = Infinity): string[] {
  const elements: string[] = [];
  let at = frame.indexOf(LINE_FEED) + 1;
  while (at < frame.length && elements.length < count) {
    const content = frame.indexOf(LINE_FEED, at) + 1;
    const line = frame.toString('latin1', at, content - END_OF_BULK);
    if (AGGREGATES[line.charAt(0)]) break;
    at = content;
    if (line.startsWith('$') && !line.startsWith('$-')) {
      const end = content + Number(line.slice(1));
      elements.push(frame.toString('latin1', content, end));
      at = end + END_OF_BULK;
    } else {
      elements.push(line);
    }
  }
  return elements;
}
