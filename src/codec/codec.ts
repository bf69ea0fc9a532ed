/**
 * Turns values into bytes and back, for a wire format of your own (MessagePack, encryption, …).
 * Both functions are synchronous; a promise is an error. What `encode` throws fails the publish; what
 * `decode` throws drops the message and is logged.
 */
export interface Codec {
  /**
   * The bytes, or text that is sent as UTF-8, of a value that JSON could hold. They may wait to be sent:
   * do not write into them again.
   */
  encode(value: unknown): string | Uint8Array;

  /** The value of the bytes that someone published; they can be anything. */
  decode(payload: Uint8Array): unknown;

  /**
   * Whether `encode` is given Nest's packet `{ pattern, data, … }`, which carries requests and
   * headers, or the bare data.
   *
   * @default true
   */
  readonly envelope?: boolean;
}

/** What travels beside the data. Nest calls it the metadata of a packet. */
export type Headers = Readonly<Record<string, string>>;

/** What a message has that was sent without any. */
export const NO_HEADERS: Headers = Object.freeze({});

/** A message on its way out. `pattern` is the channel, or Nest's object pattern. */
export interface OutgoingMessage {
  readonly pattern: unknown;
  readonly data: unknown;
  readonly metadata?: Headers | undefined;
  /** Present on a request. */
  readonly id?: MessageId | undefined;
  /** The channel that wants the replies to a request. */
  readonly replyTo?: string | undefined;
}

/** A message as it came in. */
export interface IncomingMessage {
  readonly data: unknown;
  readonly metadata?: Headers | undefined;
  readonly id?: MessageId | undefined;
  readonly replyTo?: string | undefined;
}

/** Nest's clients send text; others may count. A reply carries back what came. */
export type MessageId = string | number;

/** A codec that has a way of its own with packets. */
export interface PacketCodec extends Codec {
  encodePacket?(message: OutgoingMessage): string | Uint8Array;
  /** The text of an array of the values that these are the texts of; of one that is no array, just its text. */
  readonly joinTexts?: (texts: readonly string[]) => string;
}

/** Bytes ⇄ messages. Pure; knows the names of channels without a prefix. */
export interface MessageCodec {
  /** Whether a message can carry `id`, `replyTo` and `metadata`. */
  readonly hasEnvelope: boolean;
  encode(message: OutgoingMessage): string | Uint8Array;
  /** The message, or `undefined` for a reply of Nest's, which no handler may see. */
  decode(payload: Buffer, channel: string): IncomingMessage | undefined;
  /** Without a message around it: a reply is a packet of its own (`{ id, response, … }`). */
  encodeValue(value: unknown): string | Uint8Array;
  decodeValue(payload: Buffer): unknown;
  /** See `PacketCodec`, of texts that {@link encodeValue} made; where there is a way. */
  readonly joinTexts?: ((texts: readonly string[]) => string) | undefined;
}
