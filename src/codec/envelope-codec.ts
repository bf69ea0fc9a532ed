import type { Payload } from '../shared/payload.js';
import { endPacket } from './json-codec.js';
import type {
  Headers,
  IncomingMessage,
  MessageCodec,
  MessageId,
  OutgoingMessage,
  PacketCodec,
} from './codec.js';

/** Returns Nest's normalised form of a pattern: the channel that a packet with it is published on. */
export type PatternNormalizer = (pattern: unknown) => string;

/** Bare data without a packet, for subscribers and publishers in other languages. */
export class BareCodec implements MessageCodec {
  readonly hasEnvelope: boolean = false;

  constructor(protected readonly values: PacketCodec) {}

  encode(message: OutgoingMessage): string | Uint8Array {
    return this.values.encode(message.data);
  }

  begin(_message: OutgoingMessage): string | undefined {
    return undefined;
  }

  decode(payload: Payload, channel: string): IncomingMessage | undefined {
    return fromForeign(this.values.decode(payload), channel);
  }

  encodeValue(value: unknown): string | Uint8Array {
    return this.values.encodeFields?.(value) ?? this.values.encode(value);
  }

  decodeValue(payload: Payload): unknown {
    return this.values.decode(payload);
  }
}

/** The longest message id that is read: ids are kept while their publishers are counted. */
const MAX_MESSAGE_ID_LENGTH = 100;

/**
 * Nest's packet `{ pattern, data, id?, metadata?, replyTo?, mid? }`, so that services on `Transport.REDIS`
 * and on this transport understand each other.
 *
 * A received object is such a packet if it has `data`, and a `pattern` that names the channel it was
 * received on. Every other payload is foreign, and is the data as a whole. `mid` is the message id, which Nest ignores.
 */
export class EnvelopeCodec extends BareCodec {
  override readonly hasEnvelope = true;
  readonly joinTexts: MessageCodec['joinTexts'];
  readonly #normalize: PatternNormalizer;
  readonly #prefix: string;

  constructor(values: PacketCodec, normalize: PatternNormalizer, prefix: string) {
    super(values);
    this.joinTexts = values.joinTexts;
    this.#normalize = normalize;
    this.#prefix = prefix;
  }

  override encode(message: OutgoingMessage, messageId?: string): string | Uint8Array {
    const begun = this.begin(message);
    if (begun !== undefined) return endPacket(begun, messageId);
    if (messageId === undefined) return this.values.encode(message);
    return this.values.encode(Object.assign({}, message, { mid: messageId }));
  }

  override begin(message: OutgoingMessage): string | undefined {
    if (!isData(message.data)) {
      throw new TypeError(`Expected data that can be sent, got ${typeof message.data}`);
    }
    return this.values.beginPacket?.(message);
  }

  override decode(payload: Payload, channel: string): IncomingMessage | undefined {
    const value = this.values.decode(payload);
    if (isPacket(value) && this.#isFor(value.pattern, channel)) return toMessage(value);
    return fromForeign(value, channel);
  }

  /** A publisher without the option `prefix` puts the whole channel name into the packet. */
  #isFor(pattern: unknown, channel: string): boolean {
    const name = typeof pattern === 'string' ? pattern : this.#nameOf(pattern);
    return name === channel || (this.#prefix !== '' && name === this.#prefix + channel);
  }

  #nameOf(pattern: unknown): string | undefined {
    try {
      return this.#normalize(pattern);
    } catch {
      // Older versions of Nest follow a pattern that is nested deeper than the stack.
      return undefined;
    }
  }
}

/**
 * A reply of Nest on `<channel>.reply` is not a message. In the built-in transport the reply on
 * `rpc.get.reply` runs the handler of `rpc.*` once more.
 */
function fromForeign(value: unknown, channel: string): IncomingMessage | undefined {
  return channel.endsWith('.reply') && isReply(value) ? undefined : { data: value };
}

function isReply(value: unknown): boolean {
  if (!isRecord(value) || Object.hasOwn(value, 'pattern') || !isId(value.id)) return false;
  return ['response', 'err', 'isDisposed'].some((key) => Object.hasOwn(value, key));
}

/** Whether a value is an object that is neither `null` nor an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPacket(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && Object.hasOwn(value, 'pattern') && Object.hasOwn(value, 'data');
}

/** The message of a packet. Takes the known keys, and checks each: any client of Redis may have sent them. */
export function toMessage({
  data,
  id,
  metadata,
  replyTo,
  mid,
}: Record<string, unknown>): IncomingMessage {
  return {
    data,
    metadata: isRecord(metadata) ? toHeaders(metadata) : undefined,
    id: isId(id) ? id : undefined,
    replyTo: typeof replyTo === 'string' ? replyTo : undefined,
    messageId: isShortText(mid) ? mid : undefined,
  };
}

/** Keeps the headers that are text; returns the same object if all of them are. */
function toHeaders(metadata: Record<string, unknown>): Headers {
  if (Object.values(metadata).every((value) => typeof value === 'string')) {
    return metadata as Headers;
  }
  const texts = Object.entries(metadata).filter(([, value]) => typeof value === 'string');
  return Object.fromEntries(texts) as Headers;
}

/** Whether a value can be the id of a request. */
export function isId(id: unknown): id is MessageId {
  return typeof id === 'string' || typeof id === 'number';
}

function isShortText(mid: unknown): mid is string {
  return typeof mid === 'string' && mid.length <= MAX_MESSAGE_ID_LENGTH;
}

function isData(data: unknown): boolean {
  return data !== undefined && typeof data !== 'function' && typeof data !== 'symbol';
}
