import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onFreePort } from '../../sample/support/server-port.js';
import { closeAfterTest } from './app.js';

export type Direction = 'toServer' | 'toClient';

const BOTH: readonly Direction[] = ['toServer', 'toClient'];

/** A local TCP proxy in front of a Redis; a test controls the network faults that it simulates. */
export class TcpProxy {
  #target: number;
  readonly #server = createServer({ noDelay: true }, (client) => this.#accept(client));
  readonly #links = new Set<Link>();
  #port = 0;
  #accepted = 0;
  #swallows: readonly Direction[] = [];
  #holdsFrom: RegExp | undefined;
  #replaced: { text: string; by: string } | undefined;

  constructor(target: number) {
    this.#target = target;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`;
  }

  /** The number of connections accepted so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** The number of connections with held bytes. */
  get holding(): number {
    return [...this.#links].filter((link) => link.isHolding).length;
  }

  /** All bytes to clients that were swallowed, as text. */
  get swallowed(): string {
    return [...this.#links].map((link) => link.swallowed).join('');
  }

  /** Listens; after {@link stop} it listens on the same port again. */
  async start(): Promise<void> {
    // Not port 0: an outgoing connection could take such a port while the proxy is stopped.
    if (this.#port === 0) await onFreePort((port) => this.#listen(port));
    else await this.#listen(this.#port);
  }

  /** Holds the bytes of each client from the first match of `from` on. */
  hold(from: RegExp): void {
    this.#holdsFrom = from;
  }

  /** Forwards the held bytes, and holds no more. */
  release(): void {
    this.#holdsFrom = undefined;
    for (const link of this.#links) link.release();
  }

  /** Reads nothing from the server, so that its output buffers fill. */
  pause(): void {
    for (const link of this.#links) link.pause();
  }

  /** Forwards what the server sent after {@link pause}, and its close. */
  resume(): void {
    for (const link of this.#links) link.resume();
  }

  /** Replaces text in the bytes to clients by other text of the same length. */
  replace(text: string, by: string): void {
    if (by.length !== text.length) throw new Error(`Expected as much text as in "${text}"`);
    this.#replaced = { text, by };
  }

  /**
   * Makes connections half-open: bytes and the close of a connection are lost in these directions. New connections
   * are half-open until {@link forward}; existing ones stay half-open.
   */
  swallow(directions: readonly Direction[] = BOTH): void {
    this.#swallows = directions;
    for (const link of this.#links) link.swallow(directions);
  }

  /** Forwards the bytes of new connections; half-open connections stay half-open. */
  forward(): void {
    this.#swallows = [];
  }

  /** Sends text to every client, as if the server had sent it. */
  inject(text: string): void {
    for (const link of this.#links) link.inject(text);
  }

  /** Closes the other side of each half-open connection whose first side has closed. */
  sweep(): void {
    for (const link of this.#links) if (link.isBroken) link.destroy();
  }

  /** Forwards new connections to another server; existing ones keep theirs. */
  retarget(port: number): void {
    this.#target = port;
  }

  /** Closes every connection. */
  cut(): void {
    for (const link of this.#links) link.destroy();
    this.#links.clear();
  }

  /** Closes every connection, and refuses new ones. Idempotent. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
  }

  async #listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = port;
  }

  #accept(client: Socket): void {
    this.#accepted++;
    const server = connect({ port: this.#target, host: '127.0.0.1', noDelay: true });
    const link = new Link(client, server, {
      holdsFrom: () => this.#holdsFrom,
      replaced: () => this.#replaced,
    });
    link.swallow(this.#swallows);
    this.#links.add(link);
  }
}

/** The current rules of a proxy for the bytes of every connection. */
interface ProxyRules {
  readonly holdsFrom: () => RegExp | undefined;
  readonly replaced: () => { readonly text: string; readonly by: string } | undefined;
}

/** One connection through the proxy. */
class Link {
  swallowed = '';
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #rules: ProxyRules;
  readonly #swallows = new Set<Direction>();
  #held: Buffer[] = [];

  constructor(client: Socket, server: Socket, rules: ProxyRules) {
    this.#client = client;
    this.#server = server;
    this.#rules = rules;
    client.on('data', (bytes: Buffer) => this.#toServer(bytes));
    server.on('data', (bytes: Buffer) => this.#toClient(bytes));
    client.on('close', () => this.#swallows.has('toServer') || server.destroy());
    server.on('close', () => this.#swallows.has('toClient') || client.destroy());
    // A reset needs no special handling, because 'close' follows it.
    client.on('error', () => undefined);
    server.on('error', () => undefined);
  }

  get isBroken(): boolean {
    return this.#client.destroyed || this.#server.destroyed;
  }

  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  swallow(directions: readonly Direction[]): void {
    for (const direction of directions) this.#swallows.add(direction);
  }

  inject(text: string): void {
    this.#client.write(text);
  }

  release(): void {
    for (const bytes of this.#held) this.#server.write(bytes);
    this.#held = [];
  }

  pause(): void {
    this.#server.pause();
  }

  resume(): void {
    this.#server.resume();
  }

  destroy(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  #toServer(bytes: Buffer): void {
    if (this.#swallows.has('toServer')) return;
    const isHeld = this.isHolding || this.#rules.holdsFrom()?.test(bytes.toString('latin1'));
    if (isHeld) this.#held.push(bytes);
    else this.#server.write(bytes);
  }

  #toClient(bytes: Buffer): void {
    if (this.#swallows.has('toClient')) this.swallowed += bytes.toString('latin1');
    else this.#client.write(this.#replace(bytes));
  }

  #replace(bytes: Buffer): Buffer {
    const replaced = this.#rules.replaced();
    if (!replaced) return bytes;
    const text = bytes.toString('latin1').replaceAll(replaced.text, replaced.by);
    return Buffer.from(text, 'latin1');
  }
}

/** Starts a proxy in front of a port; stopped after the test. */
export async function startProxy(target: number): Promise<TcpProxy> {
  const proxy = new TcpProxy(target);
  await proxy.start();
  closeAfterTest(() => proxy.stop());
  return proxy;
}
