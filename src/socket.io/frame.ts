import type { Payload } from '../shared/payload.js';
import {
  attachBytes,
  detachBytes,
  hasBytes,
  type DetachedBytes,
  type Path,
} from './detached-bytes.js';

/** What a server sends to others of its namespace, without the names that the frame and the channel have. */
export interface FramedMessage {
  readonly type: number;
  readonly data?: unknown;
}

/** A message, and the id of the server that sent it. */
export interface ReceivedMessage extends FramedMessage {
  readonly uid: string;
}

/** The JSON of a frame with bytes. */
interface Head {
  readonly message: FramedMessage;
  /** The places of the bytes, and how many there are, in their order. */
  readonly parts: readonly (readonly [path: Path, length: number])[];
}

const UID_LENGTH = 16;
const UID = /^[\da-f]{16}$/;
/** The first byte of a frame with bytes. No id begins with it. */
const WITH_BYTES = 0;
const LENGTH_BYTES = 4;
const HEAD_START = 1 + UID_LENGTH + LENGTH_BYTES;

/**
 * Encodes a message. Without bytes, it is the id and JSON. With bytes, it is a zero, the id, the length of the JSON as 32
 * bits, the JSON, and the bytes. Throws for data that JSON cannot carry.
 */
export function encodeFrame(uid: string, message: FramedMessage): string | Buffer {
  return hasBytes(message.data) ? encodeBytes(uid, message) : uid + JSON.stringify(message);
}

/**
 * Decodes a frame; `undefined` for one of the server itself, which takes no parsing. Throws a `TypeError` or a
 * `SyntaxError` for anything else than a frame: any client of Redis may have sent it.
 */
export function decodeFrame(payload: Payload, ownUid: string): ReceivedMessage | undefined {
  return payload.byteAt(0) === WITH_BYTES
    ? decodeBytes(payload.bytes(), ownUid)
    : decodeText(payload.text(), ownUid);
}

function encodeBytes(uid: string, { type, data }: FramedMessage): Buffer {
  const detached: DetachedBytes[] = [];
  const message = { type, data: detachBytes(data, detached, ['data']) };
  const parts = detached.map(({ path, bytes }) => [path, bytes.length] as const);
  const json = Buffer.from(JSON.stringify({ message, parts } satisfies Head));
  const start = Buffer.alloc(HEAD_START, WITH_BYTES);
  start.write(uid, 1, 'latin1');
  start.writeUInt32BE(json.length, 1 + UID_LENGTH);
  return Buffer.concat([start, json, ...detached.map(({ bytes }) => bytes)]);
}

function decodeText(text: string, ownUid: string): ReceivedMessage | undefined {
  if (text.startsWith(ownUid)) return undefined;
  return received(text.slice(0, UID_LENGTH), JSON.parse(text.slice(UID_LENGTH)));
}

function decodeBytes(frame: Buffer, ownUid: string): ReceivedMessage | undefined {
  const uid = frame.toString('latin1', 1, 1 + UID_LENGTH);
  if (uid === ownUid) return undefined;
  if (frame.length < HEAD_START) throw new TypeError('Expected a whole frame');
  const end = HEAD_START + frame.readUInt32BE(1 + UID_LENGTH);
  const { message, parts } = JSON.parse(frame.toString('utf8', HEAD_START, end)) as Head;
  const decoded = received(uid, message);
  let from = end;
  for (const [path, length] of parts) {
    attachBytes(decoded, path, frame.subarray(from, from + length));
    from += length;
  }
  if (from !== frame.length) throw new TypeError('Expected as many bytes as the frame names');
  return decoded;
}

function received(uid: string, message: unknown): ReceivedMessage {
  const { type, data } = (message ?? {}) as Partial<FramedMessage>;
  if (UID.test(uid) && typeof type === 'number') return { uid, type, data };
  throw new TypeError('Expected the id of a server and its message');
}
