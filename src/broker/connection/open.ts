import { ClosedError, ConnectionError, messageOf } from '../../errors.js';
import { runOutside } from '../../shared/async-context.js';
import type { Connection } from './connection.js';
import { isError } from '../../shared/is-error.js';

/** Finds the server to connect to before the first attempt, where there are several. */
export interface NodeDiscovery {
  /** The least time for attempts to connect, each at another server, in milliseconds. */
  readonly minConnectMs: number;
  /** Finds a server. Rejects when that takes longer than `timeoutMs`. */
  discover(timeoutMs: number): Promise<void>;
}

/** Opens a connection, at the server that `discovery` finds if it is given. Rejects as {@link Connection.open}. */
export async function openDiscovered(
  connection: Connection,
  discovery: NodeDiscovery | undefined,
  timeoutMs: number,
): Promise<void> {
  if (!discovery) return connection.open(timeoutMs);
  const { lifecycle } = connection;
  const { generation } = lifecycle;
  const failure = await discovery.discover(timeoutMs).then(() => undefined, toError);
  if (!lifecycle.isCurrent(generation)) throw new ClosedError();
  const opened = connection.open(Math.max(timeoutMs, discovery.minConnectMs));
  if (!failure) return opened;
  // Attempts go on, although the caller is told that discovery failed.
  opened.catch(() => undefined);
  throw failure;
}

function toError(reason: unknown): Error {
  return isError(reason) ? reason : new ConnectionError(messageOf(reason));
}

/** The limit for first attempts that no caller waits for. */
const BACKGROUND_TIMEOUT_MS = 30_000;

/** Opens something at its first use. The user of it waits for it in its own way; failures are logged there. */
export function openInBackground(part: { open(timeoutMs: number): Promise<void> }): void {
  runOutside(() => part.open(BACKGROUND_TIMEOUT_MS)).catch(() => undefined);
}
