import type { Serializer } from '@nestjs/microservices';
import type { ChannelKind } from '../channel/subscription-key.js';
import type { MessageCodec, OutgoingMessage } from '../codec/codec.js';
import { encodePlain, type PlainFormat } from '../codec/plain-format.js';
import { synchronous } from '../codec/synchronous.js';
import { KEPT_MARK } from '../history/kept-id.js';
import { InvalidOptionError, messageOf, PayloadError, shorten, withoutPayload } from '../errors.js';
import type { HistoryLimits } from '../options/options.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { byteLengthOf, type OutgoingPayload } from '../shared/payload.js';
import { MessageIds } from './message-ids.js';

/** How a message is published. */
export interface PublishOptions {
  readonly kind: ChannelKind;
  /** Nest's hook: its result is sent in the place of the message, and has no message id. */
  readonly serializer?: Serializer | undefined;
  /** Sends the bare data in this format, in the place of what the codec and the serializer would make of it. */
  readonly format?: PlainFormat | undefined;
  /** How much a history keeps, or whether it keeps the message at all. Overrides the option. */
  readonly history?: HistoryLimits | false | undefined;
}

/** See `Broker#sendsNow`. */
type SendsNow = (name: string, kind: ChannelKind, isAppended?: boolean) => boolean;

/** Encodes what a bus publishes, and gives messages their ids. Throws a `PayloadError` for what cannot be sent. */
export class MessageEncoder {
  readonly #codec: MessageCodec;
  readonly #maxBytes: number;
  readonly #sendsNow: SendsNow;
  /** Gives messages their ids; `undefined` if they have none. */
  readonly ids: MessageIds | undefined;
  #hasId = false;
  /** The same for messages that a history keeps. */
  readonly keptIds: MessageIds | undefined;

  constructor(
    codec: MessageCodec,
    { messageIds, maxPayloadBytes }: Pick<ResolvedOptions, 'messageIds' | 'maxPayloadBytes'>,
    sendsNow: SendsNow,
  ) {
    this.#sendsNow = sendsNow;
    this.#codec = codec;
    this.#maxBytes = maxPayloadBytes;
    // Bare data has no place for an id.
    this.ids = messageIds && codec.hasEnvelope ? new MessageIds() : undefined;
    this.keptIds = this.ids?.marked(KEPT_MARK);
  }

  /** The payload of a message. `channel` is without the prefix, `name` is Redis' name. */
  message(
    channel: string,
    name: string,
    message: OutgoingMessage,
    { format, serializer, kind }: PublishOptions,
  ): OutgoingPayload {
    const { ids } = this;
    this.#hasId = false;
    if (format || serializer || !ids) {
      return this.#checked(channel, () => {
        if (format) return encodePlain(format, message.data);
        if (!serializer) return this.#codec.encode(message);
        return this.#codec.encodeValue(synchronous('serialize', serializer.serialize(message)));
      });
    }
    if (!this.#sendsNow(name, kind)) {
      return this.#checked(channel, () => ids.encodeWaiting(this.#codec, name, kind, message));
    }
    const payload = this.#checked(channel, () => ids.encode(this.#codec, name, kind, message));
    ids.use();
    this.#hasId = true;
    return payload;
  }

  /** The id of the message that was encoded last, on this channel; `undefined` if it has none, or not yet. */
  lastId(name: string, kind: ChannelKind): string | undefined {
    return this.#hasId ? this.ids?.lastOf(name, kind) : undefined;
  }

  /** The payload of a message that a history keeps; see {@link message}. Throws where messages have no ids. */
  kept(
    channel: string,
    name: string,
    message: OutgoingMessage,
    kind: ChannelKind,
  ): OutgoingPayload {
    const ids = this.keptIds;
    if (!ids) {
      throw new InvalidOptionError('history', 'absent, where messages have no ids', 'one');
    }
    if (!this.#sendsNow(name, kind, true)) {
      return this.#checked(channel, () => ids.encodeWaiting(this.#codec, name, kind, message));
    }
    const payload = this.#checked(channel, () => ids.encode(this.#codec, name, kind, message));
    ids.use();
    return payload;
  }

  /** Certainly not published: see `MessageIds#restart`. */
  restart(name: string, kind: ChannelKind, isKept = false): void {
    (isKept ? this.keptIds : this.ids)?.restart(name, kind);
  }

  /** The payload of a reply. It has no id. */
  reply(name: string, createReply: () => unknown): string | Uint8Array {
    return this.#checked(name, () => this.#codec.encodeValue(createReply()));
  }

  #checked<P extends OutgoingPayload>(channel: string, encode: () => P): P {
    let payload: P;
    try {
      payload = encode();
    } catch (error) {
      const cause = withoutPayload(error);
      throw new PayloadError(
        `Cannot encode the message to "${shorten(channel)}": ${messageOf(cause)}`,
        { cause },
      );
    }
    if (this.#maxBytes !== Infinity) this.#assertSize(channel, payload);
    return payload;
  }

  #assertSize(channel: string, payload: OutgoingPayload): void {
    const bytes = byteLengthOf(payload);
    if (bytes <= this.#maxBytes) return;
    throw new PayloadError(
      `The message to "${shorten(channel)}" has ${bytes} bytes, more than maxPayloadBytes (${this.#maxBytes})`,
    );
  }
}
