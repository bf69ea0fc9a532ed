import { ClosedError, ConnectionError, messageOf } from '../../errors.js';
import type { Connection } from './connection.js';

/** How long the first attempts may take, in milliseconds: nobody waits for them. */
const NO_HURRY = 30_000;

/** Opens what somebody needs by now. Whoever needs it waits for the outcome, and the log tells of failures. */
export function openOnTheWay(half: { open(patience: number): Promise<void> }): void {
  half.open(NO_HURRY).catch(() => undefined);
}

/** Someone who knows where to connect to, if there are several servers. */
export interface Guide {
  /** The least time for attempts, each at another server, in milliseconds. */
  readonly leastPatience: number;
  /** Finds out before the first attempt. Rejects when that is not possible in time. */
  prepare(patience: number): Promise<void>;
}

/** Opens a connection where its guide, if it has one, finds that it should be. */
export async function openGuided(
  connection: Connection,
  guide: Guide | undefined,
  patience: number,
): Promise<void> {
  if (!guide) return connection.open(patience);
  const { closings } = connection;
  const failure = await guide.prepare(patience).then(() => undefined, asError);
  if (closings !== connection.closings) throw new ClosedError();
  const opened = connection.open(Math.max(patience, guide.leastPatience));
  if (!failure) return opened;
  // Attempts go on: whoever waits is told of the reason, and no more.
  opened.catch(() => undefined);
  throw failure;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new ConnectionError(messageOf(reason));
}
