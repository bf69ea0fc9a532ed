import { io } from './socket-io.js';
import { delayAfter } from './backoff.js';
import { RequestError } from './request-error.js';

/** @import { ConnectionStatus } from './types.js' */

/** Time limit of a request and of a connection, in ms. */
const TIMEOUT_MS = 5_000;

const UNREACHABLE = { code: 'unreachable', message: 'The chat cannot be reached.' };

/**
 * @typedef {object} ConnectionOptions
 * @property {readonly string[]} nodes the addresses of the nodes
 * @property {string} token
 * @property {() => void} onConnected called with each new connection
 * @property {() => void} onSignedOut the session is over
 * @property {(event: string, data: any) => void} onEvent
 * @property {(status: ConnectionStatus) => void} onStatus
 */

/** A socket to one of the nodes. After a failure it tries the next node, until it is closed. */
export class Connection {
  #options;
  #node;
  #failures = 0;
  #isClosed = false;
  /** @type {ReturnType<typeof io> | undefined} */
  #socket;
  /** @type {ReturnType<typeof setTimeout> | undefined} the delay of a reconnect */
  #timer;

  /** @param {ConnectionOptions} options */
  constructor(options) {
    this.#options = options;
    // The node that has sent the page runs, most likely.
    this.#node = Math.max(0, options.nodes.indexOf(location.origin));
    options.onStatus({ state: 'connecting' });
    this.#open();
  }

  get isConnected() {
    return Boolean(this.#socket?.connected);
  }

  /** Connects at once, if it waits to do so. */
  wake() {
    if (this.#timer === undefined) return;
    this.#open();
  }

  /**
   * Resolves to the answer; rejects with a {@link RequestError}.
   *
   * @param {string} name
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async request(name, body) {
    const socket = this.#socket;
    if (!socket?.connected) throw new RequestError(UNREACHABLE);
    /** @type {{ value?: any, error?: { code: string, message: string, retryInMs?: number } }} */
    const answer = await socket
      .timeout(TIMEOUT_MS)
      .emitWithAck(name, body)
      .catch(() => ({ error: UNREACHABLE }));
    if (answer.error) throw new RequestError(answer.error);
    return answer.value;
  }

  /**
   * Sends what may be lost.
   *
   * @param {string} name
   * @param {object} body
   */
  hint(name, body) {
    this.#socket?.volatile.emit(name, body);
  }

  close() {
    this.#isClosed = true;
    this.#stop();
  }

  #open() {
    this.#stop();
    const { nodes, token, onConnected, onEvent } = this.#options;
    const url = nodes[this.#node] ?? location.origin;
    const socket = io(url, {
      auth: { token },
      transports: ['websocket'],
      forceNew: true,
      // Socket.IO reconnects to the same node only.
      reconnection: false,
      timeout: TIMEOUT_MS,
    });
    this.#socket = socket;
    socket.on('connect', () => {
      this.#failures = 0;
      onConnected();
    });
    socket.on('connect_error', (error) => this.#onError(error));
    socket.on('disconnect', () => this.#reconnectLater());
    socket.onAny(onEvent);
  }

  /** @param {Error & { data?: { code?: string } }} error */
  #onError({ message, data }) {
    if (data?.code === 'signed-out') this.#options.onSignedOut();
    else this.#reconnectLater(data && message);
  }

  /** @param {string} [reason] why a node refuses the connection */
  #reconnectLater(reason) {
    if (this.#isClosed) return;
    this.#stop();
    const { nodes, onStatus } = this.#options;
    this.#node = (this.#node + 1) % Math.max(1, nodes.length);
    this.#timer = setTimeout(() => this.#open(), delayAfter(this.#failures));
    this.#failures += 1;
    onStatus({ state: 'reconnecting', reason });
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#socket?.off();
    this.#socket?.offAny();
    this.#socket?.disconnect();
    this.#socket = undefined;
  }
}
