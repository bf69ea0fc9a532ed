/** A `Socket` of this server, as far as the adapter needs it. */
export interface LocalSocket {
  /** The connection of Engine.IO, which the sockets of a client share. */
  readonly conn: { close(): void };
}

/** The sockets of this server that an operation is about. */
export interface LocalSockets {
  to(rooms: string[]): LocalSockets;
  emit(event: string, ...args: unknown[]): boolean;
  fetchSockets(): Promise<LocalSocket[]>;
}

/**
 * A `Namespace` of Socket.IO, as far as the adapter needs it. An application may have two versions of Socket.IO, whose
 * types differ.
 */
export interface SocketNamespace {
  readonly name: string;
  readonly local: LocalSockets;
  readonly server: { readonly opts: { readonly connectionStateRecovery?: unknown } };
  /** Calls `middleware` before each socket connects. */
  use(middleware: (socket: unknown, next: () => void) => void): unknown;
}
