import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { REFUSED, type Refusals } from '../refusals.js';
import { Wire } from '../wire.js';
import { elementsOf, FrameScanner } from './frame-scanner.js';

const ERROR = 45;
const MAP = 37;
const ARRAY = 42;
const PUSH = 62;

/** Redis knows no such command, and names it in its error: that of a refused command, in its place among the answers. */
const UNKNOWN = `REFUSED-${randomUUID().toUpperCase()}`;
const UNKNOWN_COMMAND = Buffer.from(`*1\r\n$${UNKNOWN.length}\r\n${UNKNOWN}\r\n`);
const REFUSED_REPLY = Buffer.from(`-${REFUSED}\r\n`);

/** How many elements of a message end with its channel. The payload follows. */
const MESSAGES: Readonly<Partial<Record<string, number>>> = {
  message: 2,
  smessage: 2,
  pmessage: 3,
};
const ACKNOWLEDGEMENT = /^[ps]?(un)?subscribe$/;
/** Commands whose arguments may be channels of a PUBLISH inside a script. */
const SCRIPTS: ReadonlySet<string> = new Set(['EVAL', 'EVALSHA', 'FCALL']);
/** The name of the command, the script, and the number of its keys. */
const BEFORE_SCRIPT_ARGUMENTS = 3;

/** The current faults of a proxy. */
export interface ProxyFaults {
  readonly refusals: Refusals;
  readonly isDeaf: boolean;
  readonly delayMs: number;
  /** How the names of channels begin that this package uses itself. */
  readonly reserved: string;
}

/** A connection of a client, and the connection to Redis that serves it. Cuts the bytes of both into frames. */
export class ProxiedConnection {
  /** How many more messages get lost. */
  toDrop = 0;
  readonly #client: Socket;
  readonly #redis: Socket;
  readonly #faults: ProxyFaults;
  readonly #wire = new Wire();
  /** The subscriptions that Redis has acknowledged, as byte strings, by the command that made them. */
  readonly #subscriptions = new Map<string, Set<string>>();
  #isResp3 = false;

  constructor(client: Socket, redis: Socket, faults: ProxyFaults) {
    this.#client = client;
    this.#redis = redis;
    this.#faults = faults;
    const commands = new FrameScanner((frame) => this.#onCommand(frame));
    const replies = new FrameScanner((frame) => this.#onReply(frame));
    client.on('data', (bytes: Buffer) => commands.read(bytes));
    redis.on('data', (bytes: Buffer) => replies.read(bytes));
    client.on('close', () => {
      this.#wire.cut();
      endAfterWrites(redis);
    });
    redis.on('close', () => {
      if (!client.destroyed) this.#afterDelays(() => endAfterWrites(client));
    });
    // The event "close" follows, and ends the other connection.
    client.on('error', () => undefined);
    redis.on('error', () => undefined);
  }

  get isSubscriber(): boolean {
    return [...this.#subscriptions.values()].some(({ size }) => size > 0);
  }

  /** Whether it has a subscription that is refused now. */
  get hasRefused(): boolean {
    const { refusals } = this.#faults;
    return [...this.#subscriptions].some(([command, names]) =>
      [...names].some((name) => refusals.includes(command, name)),
    );
  }

  /** Sends all that is delayed. */
  hurry(): void {
    this.#wire.hurry();
  }

  /** Ends it at once, with a reset, as a network does. */
  cut(): void {
    this.#wire.cut();
    this.#client.resetAndDestroy();
    this.#redis.destroy();
  }

  #onCommand(frame: Buffer): void {
    const { refusals } = this.#faults;
    const isRefused = !refusals.isEmpty && isRefusedCommand(frame, refusals);
    forward(this.#client, this.#redis, isRefused ? UNKNOWN_COMMAND : frame);
  }

  #onReply(frame: Buffer): void {
    const [type] = frame;
    if (type === ERROR && frame.includes(UNKNOWN)) return this.#send(REFUSED_REPLY);
    // RESP2 has neither. HELLO, which begins RESP3, is answered with a map.
    if (type === MAP || type === PUSH) this.#isResp3 = true;
    const isPush = type === PUSH || (type === ARRAY && !this.#isResp3);
    if (isPush && this.#isLost(frame)) return;
    this.#send(frame);
    if (isPush) this.#onPush(frame);
  }

  #isLost(frame: Buffer): boolean {
    const [kind = ''] = elementsOf(frame, 1);
    const count = MESSAGES[kind];
    // An array of RESP2 is a message on a connection with subscriptions only.
    if (count === undefined || !this.isSubscriber) return false;
    if (this.#faults.isDeaf) return true;
    if (this.toDrop === 0) return false;
    const channel = elementsOf(frame, count)[count - 1] ?? '';
    if (channel.startsWith(this.#faults.reserved)) return false;
    this.toDrop--;
    return true;
  }

  /** Redis acknowledges a subscription, or its end, by its name and the number of those that are left. */
  #onPush(frame: Buffer): void {
    const [kind = ''] = elementsOf(frame, 1);
    if (!ACKNOWLEDGEMENT.test(kind)) return;
    const [, name = '', count = ''] = elementsOf(frame, 3);
    if (!count.startsWith(':')) return;
    const command = kind.replace('un', '').toUpperCase();
    const names = this.#subscriptions.get(command) ?? new Set();
    this.#subscriptions.set(command, names);
    if (kind.includes('un')) return void names.delete(name);
    names.add(name);
    // It was on its way when it became refused.
    if (this.#faults.refusals.includes(command, name)) this.cut();
  }

  #send(frame: Buffer): void {
    this.#afterDelays(() => forward(this.#redis, this.#client, frame));
  }

  #afterDelays(run: () => void): void {
    const { delayMs } = this.#faults;
    if (delayMs === 0 && this.#wire.isEmpty) run();
    else this.#wire.add(run, delayMs);
  }
}

function isRefusedCommand(frame: Buffer, refusals: Refusals): boolean {
  const [name = ''] = elementsOf(frame, 1);
  const command = name.toUpperCase();
  switch (command) {
    case 'SUBSCRIBE':
    case 'PSUBSCRIBE':
    case 'SSUBSCRIBE':
      // Redis performs none of them if it refuses one.
      return elementsOf(frame).some((it, i) => i > 0 && refusals.includes(command, it));
    case 'PUBSUB':
      return refusals.includes(command);
    default:
      if (SCRIPTS.has(command)) return isRefusedScript(frame, refusals);
      return refusals.includes(command, elementsOf(frame, 2)[1]);
  }
}

function isRefusedScript(frame: Buffer, refusals: Refusals): boolean {
  return elementsOf(frame)
    .slice(BEFORE_SCRIPT_ARGUMENTS)
    .some((it) => refusals.includes('PUBLISH', it) || refusals.includes('SPUBLISH', it));
}

/** Writes to a socket, and reads no more from the other one while the first is full. */
function forward(from: Socket, to: Socket, bytes: Buffer): void {
  if (!to.writable || to.write(bytes)) return;
  if (from.isPaused()) return;
  from.pause();
  to.once('drain', () => from.resume());
}

/** Ends a socket when the other end has read all that was written to it. */
function endAfterWrites(socket: Socket): void {
  socket.end();
  // A socket that is closed with unread bytes resets its connection, and the last writes would be lost.
  socket.resume();
}
