import type { Socket } from 'node:net';

/** The first two bytes of an alert of TLS. */
const TLS_ALERT = '\u0015\u0003';

/** One error reply, or several. */
const ONLY_ERRORS = /^-([^\r\n]+)\r\n(?:-[^\r\n]*\r\n)*$/;

/** What one attempt to connect has shown, which says more about its failure than the error of the socket. */
export class ConnectAttempt {
  /** Whether the connection is meant to be encrypted. */
  readonly isTls: boolean;
  readonly #socket: Socket;
  #isOpen = false;
  #isSecure = false;
  #firstBytes: Buffer | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.isTls = 'encrypted' in socket;
    socket.once('connect', () => {
      this.#isOpen = true;
    });
    socket.once(this.isTls ? 'secureConnect' : 'connect', () => this.#onConnected());
  }

  /** Whether the server has accepted the connection. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether the TLS handshake has ended. */
  get isSecure(): boolean {
    return this.isTls && this.#isSecure;
  }

  /** Whether the server has sent anything. */
  get hasBytes(): boolean {
    return this.#socket.bytesRead > 0;
  }

  /** Whether a server has answered with TLS to what is not TLS. */
  get isAnsweredWithTls(): boolean {
    return !this.isTls && this.#firstText.startsWith(TLS_ALERT);
  }

  /**
   * The error reply that was all the server sent; of several the first. ioredis does not report it when the server has closed the
   * connection before it received a command, as one does that has too many clients.
   */
  get onlyReply(): string | undefined {
    const text = this.#firstText;
    return text.length === this.#socket.bytesRead ? ONLY_ERRORS.exec(text)?.[1] : undefined;
  }

  get #firstText(): string {
    return this.#firstBytes?.toString('latin1') ?? '';
  }

  #onConnected(): void {
    const socket = this.#socket;
    this.#isSecure = true;
    socket.once('data', (bytes: Buffer) => {
      this.#firstBytes = bytes;
    });
    // ioredis sends several commands. If the server has closed the connection already, a second write would end
    // it before the server's reason is read.
    socket.cork();
    process.nextTick(() => socket.uncork());
  }
}
