import { Logger } from '@nestjs/common';
import { MessageType } from 'socket.io-adapter';
import { hasCode, messageOf, PayloadError, shorten, withoutPayload } from '../errors.js';
import { byteLengthOf } from '../shared/payload.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import type { MessageBus } from '../transport/message-bus.js';
import type { NamespaceChannel } from './channels.js';
import { encodeFrame, type FramedMessage } from './frame.js';

/** Their loss is no news: the log tells of the lost connection. */
const HEARTBEATS: ReadonlySet<number> = new Set([
  MessageType.INITIAL_HEARTBEAT,
  MessageType.HEARTBEAT,
  MessageType.ADAPTER_CLOSE,
]);

/** Sends the messages of one server of a namespace. What fails is logged, and reported to telemetry. */
export class MessageSender {
  readonly #bus: MessageBus;
  readonly #uid: string;
  readonly #namespace: string;
  readonly #logger = new Logger('RedisPubSubIoAdapter');
  readonly #failures = new RateLimitedLog(
    (line) => this.#logger.error(line),
    (count) => `${count} more messages did not reach the other servers of Socket.IO`,
  );

  readonly #onClosed: () => void;

  /** `onClosed` is called when the bus is found closed. */
  constructor(
    bus: MessageBus,
    { uid, namespace }: { readonly uid: string; readonly namespace: string },
    onClosed: () => void,
  ) {
    this.#bus = bus;
    this.#uid = uid;
    this.#namespace = namespace;
    this.#onClosed = onClosed;
  }

  /**
   * Resolves to the number of receivers, or to `undefined` after a failure. Never throws, and never rejects. `onUnsent` is
   * called when Redis has not taken the message.
   */
  send(
    channel: NamespaceChannel,
    message: FramedMessage,
    onUnsent?: () => void,
  ): Promise<number | undefined> {
    try {
      const frame = this.#encode(message);
      return this.#bus.send(channel.name, frame, channel.kind).catch((error: unknown) => {
        this.#onFailed(error, message);
        onUnsent?.();
        return undefined;
      });
    } catch (error) {
      this.#onFailed(error, message);
      return Promise.resolve(undefined);
    }
  }

  #onFailed(error: unknown, { type }: FramedMessage): void {
    if (hasCode(error, 'ERR_PUBSUB_CLOSED')) {
      this.#onClosed();
      return;
    }
    if (HEARTBEATS.has(type)) return;
    this.#failures.add(
      () =>
        `A message to the other servers of the Socket.IO namespace "${shorten(this.#namespace)}" failed: ${messageOf(error)}`,
    );
  }

  #encode(message: FramedMessage): string | Buffer {
    const frame = this.#framed(message);
    const bytes = byteLengthOf(frame);
    const { maxPayloadBytes } = this.#bus.options;
    if (bytes <= maxPayloadBytes) return frame;
    throw new PayloadError(`it has ${bytes} bytes, more than maxPayloadBytes (${maxPayloadBytes})`);
  }

  #framed(message: FramedMessage): string | Buffer {
    try {
      return encodeFrame(this.#uid, message);
    } catch (error) {
      const cause = withoutPayload(error);
      throw new PayloadError(`it cannot be encoded: ${messageOf(cause)}`, { cause });
    }
  }
}
