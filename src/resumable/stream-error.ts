import { PubSubError, shorten } from '../errors.js';

/** Why a stream cannot be written or read. */
export type StreamErrorReason =
  | 'absent'
  | 'closed'
  | 'exists'
  | 'failed'
  | 'history-lost'
  | 'too-long'
  | 'unknown-position'
  | 'writer-lost';

const TEXTS: Readonly<Record<StreamErrorReason, (id: string) => string>> = {
  absent: (id) => `There is no stream "${id}" in Redis`,
  closed: (id) => `The application that wrote the stream "${id}" has closed`,
  exists: (id) => `The stream "${id}" exists already, and a stream is written once`,
  failed: (id) => `The source of the stream "${id}" failed`,
  'history-lost': (id) => `Redis has lost chunks of the stream "${id}"`,
  'too-long': (id) => `The stream "${id}" has more chunks than its "size"`,
  'unknown-position': (id) => `The position is not one of the stream "${id}"`,
  'writer-lost': (id) => `The writer of the stream "${id}" has been silent for too long`,
};

/** A stream cannot be written or read; `reason` says why. It has no text of the source, which may have secrets. */
export class StreamError extends PubSubError {
  /** Stable across releases, for `switch` statements. */
  readonly reason: StreamErrorReason;

  constructor(reason: StreamErrorReason, id: string) {
    super('ERR_PUBSUB_STREAM', TEXTS[reason](shorten(id)));
    this.reason = reason;
  }
}
