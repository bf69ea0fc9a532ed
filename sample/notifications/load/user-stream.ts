import { Agent, get, type ClientRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { StreamReader } from './stream-reader.js';

/** Timeout for the `ready` event of a stream, in milliseconds. */
const OPEN_TIMEOUT_MS = 30_000;
/** One connection per stream, because each stream stands for a different browser. */
const agent = new Agent({ keepAlive: false, maxSockets: Infinity });

/** The stream of one signed-in user. */
export class UserStream {
  readonly #request: ClientRequest;
  readonly #opened: Promise<void>;
  #isOpen = false;

  /** Calls `onNotification` with the `sequence` in the data of each notification. */
  constructor(
    gatewayUrl: string,
    user: { readonly id: string; readonly token: string },
    onNotification: (sequence: number) => void,
  ) {
    const headers = { authorization: `Bearer ${user.token}`, accept: 'text/event-stream' };
    const url = `${gatewayUrl}/api/users/${user.id}/stream`;
    const request = get(url, { agent, headers });
    this.#request = request;
    this.#opened = new Promise<void>((resolve, reject) => {
      const fail = (reason: string): void => {
        this.#isOpen = false;
        reject(new Error(`Cannot open the stream of ${user.id}: ${reason}`));
      };
      const reader = new StreamReader({
        onReady: () => {
          this.#isOpen = true;
          resolve();
        },
        onNotification,
      });
      request.on('error', ({ message }) => fail(message));
      request.once('response', (response) => {
        response.on('error', ({ message }) => fail(message));
        if (response.statusCode !== 200) {
          void refusalOf(response).then(fail);
          return;
        }
        response.once('close', () => fail('the gateway closed it'));
        response.on('data', (chunk: Buffer) => reader.read(chunk));
      });
    });
    this.#opened.catch(() => undefined);
  }

  /** Resolves on the first `ready` event: from then on the stream delivers every notification. */
  async opened(): Promise<void> {
    const timeout = new Error(`no "ready" within ${OPEN_TIMEOUT_MS / 1_000} s`);
    const timer = setTimeout(() => this.#request.destroy(timeout), OPEN_TIMEOUT_MS);
    await this.#opened.finally(() => clearTimeout(timer));
  }

  /** Whether the stream was opened and neither side has closed it. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  close(): void {
    this.#request.destroy();
  }
}

async function refusalOf(response: IncomingMessage): Promise<string> {
  return `${response.statusCode} ${await text(response)}`;
}
