import { Random } from './random.js';

/** The version of the protocol: RESP2 or RESP3. */
export type Protocol = 2 | 3;

const CRLF = '\r\n';

const MAX_BYTES = 150_000;

const join = (...parts: (string | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));

/** A bulk string. */
export const bulk = (content: string | Buffer, type = '$'): Buffer => {
  const bytes = Buffer.from(content as string);
  return join(`${type}${bytes.length}${CRLF}`, bytes, CRLF);
};

/** An array, or with another type a push, a set, a map or an attribute. */
export const array = (parts: readonly Buffer[], type = '*'): Buffer =>
  join(`${type}${'%|'.includes(type) ? parts.length / 2 : parts.length}${CRLF}`, ...parts);

/** A message as Redis sends it: an array of RESP2, or a push of RESP3. */
export const messageFrame = (
  protocol: Protocol,
  kind: 'message' | 'pmessage' | 'smessage',
  ...parts: (string | Buffer)[]
): Buffer =>
  array(
    [kind, ...parts].map((part) => bulk(part)),
    protocol === 3 ? '>' : '*',
  );

/** Creates frames of all types that Redis can send, and some that it does not. */
export class RandomFrames {
  readonly #pool: Buffer;

  constructor(
    readonly random: Random,
    readonly protocol: Protocol,
  ) {
    this.#pool = Buffer.from(Array.from({ length: 2 * MAX_BYTES }, () => random.below(256)));
  }

  /** A message, a frame that is nearly one, the acknowledgement of a subscription, or another reply. */
  next(): Buffer {
    const create = this.random.pick([
      () => this.#message(),
      () => this.#message(),
      () => this.#message(),
      () => this.#nearlyMessage(),
      () => this.#acknowledgement(),
      () => this.#string(),
      () => Buffer.from(this.random.pick(['+OK', '-ERR no', ':12', '$-1', '*-1']) + CRLF),
      // ioredis throws for an array that begins with nothing.
      () => array([bulk('reply'), this.#value(3), this.#value(3)]),
    ]);
    return create();
  }

  /** Cuts bytes at random places. */
  cut(bytes: Buffer): Buffer[] {
    const chunks: Buffer[] = [];
    const longest = this.random.pick(bytes.length < 5_000 ? [3, 40, 500] : [500, 70_000]);
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + this.random.below(longest);
      chunks.push(bytes.subarray(at, end));
      at = end;
    }
    return chunks;
  }

  get #type(): string {
    return this.protocol === 3 ? '>' : '*';
  }

  #message(): Buffer {
    const kind = this.random.pick(['message', 'pmessage', 'smessage'] as const);
    const names = kind === 'pmessage' ? [this.#name(), this.#name()] : [this.#name()];
    return messageFrame(this.protocol, kind, ...names, this.#bytes());
  }

  #nearlyMessage(): Buffer {
    const [name, payload] = [bulk(this.#name()), bulk(this.#bytes())];
    const nulls = this.protocol === 3 ? [Buffer.from('_\r\n'), Buffer.from('$-1\r\n')] : [];
    const noPayload = this.random.pick([
      ...nulls,
      Buffer.from('*-1\r\n'),
      Buffer.from(':7\r\n'),
      Buffer.from('+text\r\n'),
      array([name, payload]),
    ]);
    return this.random.pick([
      array([bulk('message'), name, noPayload], this.#type),
      array([bulk('message'), name, payload, payload], this.#type),
      array([bulk('pmessage'), name, noPayload, payload], this.#type),
      array([bulk('smessage'), name, noPayload], this.#type),
      array([bulk('MESSAGE'), name, payload]),
      array([bulk('messages'), name, payload]),
      // In RESP3 the answer to a command.
      array([bulk('message'), name, payload]),
      array([array([bulk('message'), name, payload]), name]),
    ]);
  }

  #acknowledgement(): Buffer {
    const verb = this.random.pick(['subscribe', 'psubscribe', 'ssubscribe', 'unsubscribe']);
    const count = this.random.below(3) + (verb === 'unsubscribe' ? 0 : 1);
    return array([bulk(verb), bulk(this.#name()), Buffer.from(`:${count}\r\n`)], this.#type);
  }

  #value(depth: number): Buffer {
    const { random } = this;
    const simple = [
      '+OK',
      '-ERR no',
      ':12',
      ':-3',
      '$-1',
      '*-1',
      '*0',
      '$0\r\n',
      '+',
      '-MOVED 3 a:1',
    ];
    const simple3 = [
      '_',
      '#t',
      '#f',
      ',1.5',
      ',-inf',
      ',nan',
      '(123456789012345678901',
      '~0',
      '%0',
    ];
    const lines = this.protocol === 3 ? [...simple, ...simple3] : simple;
    const choice = random.below(depth > 0 ? 4 : 2);
    if (choice === 0) return Buffer.from(random.pick(lines) + CRLF);
    if (choice === 1) return this.#string();
    const types = this.protocol === 3 ? ['*', '~', '%'] : ['*'];
    const type = random.pick(types);
    const length = random.below(4) * (type === '%' ? 2 : 1);
    return array(
      Array.from({ length }, () => this.#value(depth - 1)),
      type,
    );
  }

  #string(): Buffer {
    if (this.protocol === 2) return bulk(this.#bytes());
    return this.random.pick([
      bulk(this.#bytes()),
      bulk(join('txt:', this.#bytes()), '='),
      bulk('SYNTAX invalid\r\n', '!'),
    ]);
  }

  /** Often one that was there before. */
  #name(): Buffer {
    const { random } = this;
    if (random.below(3) > 0) return Buffer.from(random.pick(['news', 'user.1', 'user.*', 'é']));
    return this.#random(random.below(20) === 0 ? random.below(600) : random.below(20));
  }

  #bytes(): Buffer {
    const { random } = this;
    const longest = random.pick([1, 10, 10, 100, 100, 1_000]);
    return this.#random(random.below(300) === 0 ? MAX_BYTES : random.below(longest));
  }

  #random(length: number): Buffer {
    const from = this.random.below(this.#pool.length - length);
    return this.#pool.subarray(from, from + length);
  }
}
