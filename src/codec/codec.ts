import type { Payload } from '../shared/payload.js';

/**
 * Converts values to bytes and back, for a wire format of your own (MessagePack, encryption, …). Both
 * functions are synchronous; a promise is an error. An error of `encode` rejects the publish. An error of
 * `decode` is logged, and the message is dropped.
 */
export interface Codec {
  /**
   * Returns the bytes, or text that is sent as UTF-8, of a value that JSON can represent. Do not write into the
   * bytes afterwards: they may wait to be sent.
   */
  encode(value: unknown): string | Uint8Array;

  /**
   * Returns the value of a payload. Any client of Redis may have published it. Do not write into the bytes: a payload
   * may be decoded more than once.
   */
  decode(payload: Uint8Array): unknown;

  /**
   * Whether `encode` receives Nest's packet `{ pattern, data, … }`, which carries requests and
   * headers, or the bare data.
   *
   * @defaultValue `true`
   */
  readonly envelope?: boolean;

  /**
   * Whether a payload is in the format of this codec, from its first bytes. Lets a receiver read several formats: see the
   * option `accepts`. It must be false for the payloads of the other codecs there: begin with a byte that begins no text.
   */
  recognizes?(payload: Uint8Array): boolean;
}

/** The headers of a message, sent with the data. Nest calls them the metadata of a packet. */
export type Headers = Readonly<Record<string, string>>;

/** The headers of a message that was sent without any. */
export const NO_HEADERS: Headers = Object.freeze({});

/** A message to send. `pattern` is the channel, or Nest's object pattern. */
export interface OutgoingMessage {
  readonly pattern: unknown;
  readonly data: unknown;
  readonly metadata?: Headers | undefined;
  /** Present on a request. */
  readonly id?: MessageId | undefined;
  /** The channel for the replies to a request. */
  readonly replyTo?: string | undefined;
}

/** A message that was received. */
export interface IncomingMessage {
  /** The text that its publisher put into the key `mid` of the packet: see `visibleId`. */
  readonly messageId?: string | undefined;
  /** The messages before this one that are lost. Set by the bus that counts them. */
  lost?: LostMessages;
  /** Whether its number is that of an earlier message of its publisher, or smaller. Set by the bus that counts them. */
  isRepeated?: boolean;
  readonly data: unknown;
  readonly metadata?: Headers | undefined;
  readonly id?: MessageId | undefined;
  readonly replyTo?: string | undefined;
}

/** Messages of one publisher on one channel that a subscription did not receive. */
export interface LostMessages {
  /** The publisher: a process has one for each client, server or module. */
  readonly publisher: string;
  /** How many messages. */
  readonly count: number;
  /** Whether the subscription had a gap in that time. */
  readonly duringGap: boolean;
  /** The time of the message before them, as `LossCounter#time` had it. */
  readonly since: number;
}

/** The id of a request. Nest's clients send text, others may send numbers; a reply has the same value. */
export type MessageId = string | number;

/** Identifies a request among those of all clients. */
export interface RequestKey {
  readonly id: MessageId;
  readonly replyTo: string;
}

/** Converts values to payloads and back, and may encode packets faster than their values. */
export interface PacketCodec extends Pick<Codec, 'encode'> {
  decode(payload: Payload): unknown;
  /** Encodes a packet as JSON up to its end, where `endPacket` adds the message id. */
  beginPacket?(message: OutgoingMessage): string;
  /** As `encode`, for an object that is a packet of its own. Errors name its fields. */
  encodeFields?(fields: unknown): string | Uint8Array;
  /** Joins the texts of several values to the text of an array. A single text that is not an array stays as it is. */
  readonly joinTexts?: (texts: readonly string[]) => string;
}

/** Converts messages to payloads and back. Pure; channels are without the prefix. */
export interface MessageCodec {
  /** Whether a message can carry `id`, `replyTo` and `metadata`. */
  readonly hasEnvelope: boolean;
  encode(message: OutgoingMessage, messageId?: string): string | Uint8Array;
  /** See `PacketCodec#beginPacket`; `undefined` if the codec needs the message id first. */
  begin(message: OutgoingMessage): string | undefined;
  /** The message, or `undefined` for a reply of Nest, which is not for handlers. */
  decode(payload: Payload, channel: string): IncomingMessage | undefined;
  /** The payload of a value that is not a message: a reply is a packet of its own (`{ id, response, … }`). */
  encodeValue(value: unknown): string | Uint8Array;
  decodeValue(payload: Payload): unknown;
  /** See `PacketCodec`, for texts that {@link encodeValue} returned; `undefined` if they cannot be joined. */
  readonly joinTexts?: ((texts: readonly string[]) => string) | undefined;
}
