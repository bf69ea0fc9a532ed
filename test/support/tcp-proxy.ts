import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { closeAfterTest } from './app.js';

export type Direction = 'toServer' | 'toClient';

const BOTH: readonly Direction[] = ['toServer', 'toClient'];

/** A TCP proxy on this machine before a Redis: a network whose faults a test can order. */
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

  /** How many connections were ever accepted. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How many connections have bytes on hold. */
  get holding(): number {
    return [...this.#links].filter((link) => link.isHolding).length;
  }

  /** Everything that was swallowed on its way to a client. */
  get swallowed(): string {
    return [...this.#links].map((link) => link.swallowed).join('');
  }

  /** Listens; after {@link stop} on the same port again. */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Of each connection, holds back what the client sends from the first match on. */
  hold(from: RegExp): void {
    this.#holdsFrom = from;
  }

  /** Sends on what is held back, and holds back no more. */
  release(): void {
    this.#holdsFrom = undefined;
    for (const link of this.#links) link.release();
  }

  /** Has clients read other text than the server sends, of the same length. */
  replace(text: string, by: string): void {
    if (by.length !== text.length) throw new Error(`Expected as much text as in "${text}"`);
    this.#replaced = { text, by };
  }

  /**
   * Makes connections half-open: bytes, and the end of the connection, are lost in these directions
   * and nobody is told. Those that are open now stay so; new ones are, until {@link forward}.
   */
  swallow(directions: readonly Direction[] = BOTH): void {
    this.#swallows = directions;
    for (const link of this.#links) link.swallow(directions);
  }

  /** Forwards what new connections send; those that are half-open stay so. */
  forward(): void {
    this.#swallows = [];
  }

  /** Ends what is left of connections of which one end is gone, and the other was not told. */
  sweep(): void {
    for (const link of this.#links) if (link.isBroken) link.destroy();
  }

  /** Sends new connections to another server; those that are open now stay where they are. */
  retarget(port: number): void {
    this.#target = port;
  }

  /** Ends every connection. */
  cut(): void {
    for (const link of this.#links) link.destroy();
    this.#links.clear();
  }

  /** Ends every connection, and refuses new ones. Idempotent. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
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

/** What a proxy is to do with the bytes of every connection, now. */
interface Orders {
  readonly holdsFrom: () => RegExp | undefined;
  readonly replaced: () => { readonly text: string; readonly by: string } | undefined;
}

/** One connection through the proxy. */
class Link {
  swallowed = '';
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #orders: Orders;
  readonly #swallows = new Set<Direction>();
  #held: Buffer[] = [];

  constructor(client: Socket, server: Socket, orders: Orders) {
    this.#client = client;
    this.#server = server;
    this.#orders = orders;
    client.on('data', (bytes: Buffer) => this.#toServer(bytes));
    server.on('data', (bytes: Buffer) => this.#toClient(bytes));
    client.on('close', () => this.#swallows.has('toServer') || server.destroy());
    server.on('close', () => this.#swallows.has('toClient') || client.destroy());
    // A reset is an end like any other here, and 'close' follows it.
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

  release(): void {
    for (const bytes of this.#held) this.#server.write(bytes);
    this.#held = [];
  }

  destroy(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  #toServer(bytes: Buffer): void {
    if (this.#swallows.has('toServer')) return;
    const isHeld = this.isHolding || this.#orders.holdsFrom()?.test(bytes.toString('latin1'));
    if (isHeld) this.#held.push(bytes);
    else this.#server.write(bytes);
  }

  #toClient(bytes: Buffer): void {
    if (this.#swallows.has('toClient')) this.swallowed += bytes.toString('latin1');
    else this.#client.write(this.#replace(bytes));
  }

  #replace(bytes: Buffer): Buffer {
    const replaced = this.#orders.replaced();
    if (!replaced) return bytes;
    const text = bytes.toString('latin1').replaceAll(replaced.text, replaced.by);
    return Buffer.from(text, 'latin1');
  }
}

/** Starts a proxy before a port; stopped after the test. */
export async function startProxy(target: number): Promise<TcpProxy> {
  const proxy = new TcpProxy(target);
  await proxy.start();
  closeAfterTest(() => proxy.stop());
  return proxy;
}
