const EMPTY_BUFFER = Buffer.alloc(0);
const END_OF_EVENT = Buffer.from('\n\n');
const READY = Buffer.from('event: ready\n');
const NOTIFICATION = Buffer.from('event: notification\n');
const SEQUENCE = Buffer.from('"sequence":');
const ZERO = '0'.charCodeAt(0);
const NINE = '9'.charCodeAt(0);

export interface StreamListener {
  onReady(): void;
  /** Called with the `sequence` in the data of the notification. */
  onNotification(sequence: number): void;
}

/**
 * Reads the server-sent events of one stream from chunks of any size. It searches the bytes, because to
 * decode and parse thousands of events per second would be most of the work.
 */
export class StreamReader {
  #rest: Buffer = EMPTY_BUFFER;

  constructor(private readonly listener: StreamListener) {}

  read(chunk: Buffer): void {
    // Nearly every chunk is one whole event, so that nothing is copied.
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    let end = bytes.indexOf(END_OF_EVENT);
    while (end !== -1) {
      this.#readEvent(bytes.subarray(start, end));
      start = end + END_OF_EVENT.length;
      end = bytes.indexOf(END_OF_EVENT, start);
    }
    this.#rest = start === bytes.length ? EMPTY_BUFFER : bytes.subarray(start);
  }

  /** JSON contains no line breaks, so that a search for a whole line cannot match inside the data. */
  #readEvent(event: Buffer): void {
    if (event.includes(NOTIFICATION)) this.listener.onNotification(sequenceOf(event));
    else if (event.includes(READY)) this.listener.onReady();
  }
}

function sequenceOf(event: Buffer): number {
  const found = event.indexOf(SEQUENCE);
  if (found === -1)
    throw new Error(`Expected a notification with a sequence, got ${event.toString()}`);
  let sequence = 0;
  for (let i = found + SEQUENCE.length; i < event.length; i++) {
    const byte = event[i] ?? 0;
    if (byte < ZERO || byte > NINE) break;
    sequence = sequence * 10 + byte - ZERO;
  }
  return sequence;
}
