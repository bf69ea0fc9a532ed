import { InvalidOptionError } from '../errors.js';
import { isKeptId } from './kept-id.js';

/** The characters of a server's id that a position has: enough to tell the servers of one application apart. */
const SERVER_LENGTH = 8;
/** The base of the checksum in a text. */
const RADIX = 36;

/** `<message id>@<server>.<checksum>` */
const POSITION = /^([\x21-\x3f\x41-\x7e]{1,100})@([0-9a-z]{8})\.(0|[1-9a-z][0-9a-z]{0,6})$/;

/** A message in the history of a channel: the place behind it. */
export interface Position {
  /** The id of the message. */
  readonly id: string;
  /**
   * That of its payload. Who may publish on the channel may send a message with the id of another one: the history has
   * that other one then, and not the place.
   */
  readonly checksum: number;
  /** The beginning of the id of the server that had the history. */
  readonly server: string;
}

/** A message that a history has. */
interface MessageInHistory {
  readonly id: string;
  readonly checksum: number;
}

/** The place behind a message; `undefined` if there is none, or the server is not known. */
export function positionBehind(
  message: MessageInHistory | undefined,
  serverId: string | undefined,
): Position | undefined {
  if (message === undefined || serverId === undefined) return undefined;
  const { id, checksum } = message;
  return { id, checksum, server: serverId.slice(0, SERVER_LENGTH) };
}

/** The text of a position; `undefined` for none. */
export function formatPosition(position: Position | undefined): string | undefined {
  return position && `${position.id}@${position.server}.${position.checksum.toString(RADIX)}`;
}

/** Reads a text of {@link formatPosition}. Any client of an application may have sent it: `undefined` if it is none. */
export function parsePosition(text: string): Position | undefined {
  const [, id = '', server = '', digits = ''] = POSITION.exec(text) ?? [];
  return isKeptId(id) ? { id, server, checksum: Number.parseInt(digits, RADIX) } : undefined;
}

/** Returns text, or `undefined`. Throws for values of other types: they are mistakes of the application. */
export function checkSince(since: unknown): string | undefined {
  if (since === undefined || typeof since === 'string') return since;
  throw new InvalidOptionError('since', 'the position of a message, or absent', since);
}

/** Whether a server is the one of a position. */
export function isSameServer(position: Position, serverId: string | undefined): boolean {
  return serverId !== undefined && serverId.slice(0, SERVER_LENGTH) === position.server;
}

/** Whether a message is the one of a position. */
export function isAt({ id, checksum }: Position, message: MessageInHistory): boolean {
  return message.id === id && message.checksum === checksum;
}
