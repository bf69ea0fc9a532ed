import { setImmediate } from 'node:timers';

/** Taken when the module is loaded, so that the fake timers of an application's tests do not hold it. */
const nextTurn = setImmediate;

/** How many bytes Node reads from a TCP socket at once. It reads on until a chunk is shorter. */
const READ_SIZE = 65_536;

/** What is used of a socket. */
export interface CountedStream {
  readonly bytesRead: number;
  /** Only a TLS socket has it. */
  readonly encrypted?: boolean;
}

/**
 * Calls `onDry` once everything that had arrived for a socket is read and handled. Call it from a timer: a
 * busy event loop runs its timers before it reads what its sockets have received, so that a deadline alone
 * does not tell whether the other end has answered.
 *
 * The socket is dry after a turn of the event loop that read nothing from it, or whose last read was short.
 * Until then bytes may be left, and the next turn reads more. Without a socket it calls `onDry` after one turn.
 */
export function whenReadDry(stream: CountedStream | undefined, onDry: () => void): void {
  const before = stream?.bytesRead ?? 0;
  nextTurn(() => {
    const bytes = (stream?.bytesRead ?? 0) - before;
    if (isDry(bytes, stream?.encrypted)) onDry();
    else whenReadDry(stream, onDry);
  });
}

/** Whether a turn that read this many bytes has left none. */
function isDry(bytes: number, isEncrypted = false): boolean {
  // What TLS decrypts has other sizes than what it reads, but a turn that leaves bytes has read far more.
  return bytes < READ_SIZE || (!isEncrypted && bytes % READ_SIZE !== 0);
}
