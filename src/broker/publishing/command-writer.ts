import type { Redis } from 'ioredis';

/** What ioredis writes the commands of a pipeline to. */
type PipelineStream = Extract<
  NonNullable<Parameters<Redis['sendCommand']>[1]>,
  { readonly isPipeline: true }
>;

/** More text, in UTF-16 units, goes out in several writes: so much is not worth another copy. */
const MOST_TEXT = 65_536;

/**
 * Writes the commands that are sent within one call as one text, as an ioredis pipeline does, but
 * without a pipeline's promises. `npm run bench -- --only emit` says what that is worth.
 */
export class CommandWriter implements PipelineStream {
  readonly isPipeline = true;
  readonly destination: PipelineStream['destination'];
  readonly #client: Redis;
  #text = '';
  #isTogether = false;

  constructor(client: Redis) {
    this.#client = client;
    this.destination = { redis: client };
  }

  /** Whatever `send` sends goes out when it returns. Nothing else must be sent meanwhile: Redis answers in order. */
  together(send: () => void): void {
    const { stream } = this.#client;
    stream.cork();
    this.#isTogether = true;
    try {
      send();
    } finally {
      this.#isTogether = false;
      this.#writeText();
      stream.uncork();
    }
  }

  /** Called by ioredis: also later, when it sends again what was lost with a connection. */
  write(data: string | Buffer): void {
    if (this.#isTogether && typeof data === 'string' && data.length < MOST_TEXT) {
      this.#text += data;
      if (this.#text.length >= MOST_TEXT) this.#writeText();
      return;
    }
    this.#writeText();
    this.#client.stream.write(data);
  }

  #writeText(): void {
    const text = this.#text;
    if (text === '') return;
    this.#text = '';
    this.#client.stream.write(text);
  }
}
