import { EventEmitter } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';
import { Command, type Redis, type RedisOptions } from 'ioredis';
import { vi } from 'vitest';
import type { BrokerLog } from '../../../src/broker/broker.js';

/** A command that was sent to a {@link FakeClient}. */
export interface SentCommand {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly resolve: (answer?: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The socket of a {@link FakeClient}. */
export class FakeStream extends EventEmitter {
  bytesRead = 0;
  writable = true;
  destroyed = false;
  readonly written: string[] = [];
  readonly calls: string[] = [];

  constructor(private readonly onDestroy: () => void) {
    super();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.writable = false;
    this.onDestroy();
  }

  write(data: string | Buffer): void {
    this.written.push(data.toString());
    this.calls.push('write');
  }

  cork(): void {
    this.calls.push('cork');
  }

  uncork(): void {
    this.calls.push('uncork');
  }
}

const ignoreRemoval = (_kind: string, _name: string): void => undefined;

/** A client with the events, the states and the commands of ioredis, and without a network. */
export class FakeClient extends EventEmitter {
  status = 'wait';
  stream = new FakeStream(() => this.lose());
  condition: Redis['condition'] | undefined;
  /** The commands in flight, as ioredis keeps them: here always empty. */
  readonly commandQueue = {
    peekFront: () => undefined,
    unshift: () => undefined,
    toArray: () => [],
  };
  readonly sent: SentCommand[] = [];
  /** How often `connect` was called. */
  connects = 0;
  /** How often `disconnect` was called. */
  disconnects = 0;
  /** Answers a command; a command that it does not answer stays in flight. */
  onCommand: (command: SentCommand) => void = () => undefined;
  /** Whether a lost connection is followed by another attempt. */
  retries = true;

  constructor(readonly options: RedisOptions = { host: '10.0.0.1', port: 6379 }) {
    super();
  }

  /** The client as the classes under test take it. */
  get redis(): Redis {
    return this as unknown as Redis;
  }

  /** The names and arguments of the commands that were sent. */
  get commands(): string[] {
    return this.sent.map(({ name, args }) => [name, ...args].join(' '));
  }

  async connect(): Promise<void> {
    this.connects++;
    this.startAttempt();
  }

  disconnect(): void {
    this.disconnects++;
    // Between two attempts ioredis emits nothing.
    if (this.status === 'reconnecting' || this.status === 'end') return;
    this.retries = false;
    this.lose();
  }

  quit(): Promise<unknown> {
    return this.#send('quit', []);
  }

  ping(): Promise<unknown> {
    return this.#send('ping', []);
  }

  info(...args: unknown[]): Promise<unknown> {
    return this.#send('info', args);
  }

  call(name: string, ...args: unknown[]): Promise<unknown> {
    return this.#send(name, args);
  }

  subscribe = (...names: string[]): Promise<unknown> => this.#send('subscribe', names);
  psubscribe = (...names: string[]): Promise<unknown> => this.#send('psubscribe', names);
  ssubscribe = (...names: string[]): Promise<unknown> => this.#send('ssubscribe', names);
  unsubscribe = (...names: string[]): Promise<unknown> => this.#send('unsubscribe', names);
  punsubscribe = (...names: string[]): Promise<unknown> => this.#send('punsubscribe', names);
  sunsubscribe = (...names: string[]): Promise<unknown> => this.#send('sunsubscribe', names);

  sendCommand(command: Command, writer?: { write(data: string | Buffer): void }): unknown {
    (writer ?? this.stream).write(command.toWritable(this.stream));
    this.#add({
      name: command.name,
      args: command.args,
      resolve: (answer) => command.resolve(answer),
      reject: (error) => command.reject(error as Error),
    });
    return command.promise;
  }

  /** An attempt to connect begins. */
  startAttempt(): void {
    this.#enter('connecting');
  }

  /** The socket is connected. */
  becomeConnected(): void {
    this.stream = new FakeStream(() => this.lose());
    this.#enter('connect');
  }

  /** The handshake is done. */
  becomeReady(): void {
    if (this.status !== 'connect') this.becomeConnected();
    this.#enter('ready');
  }

  /** The connection is lost, or an attempt has failed. */
  lose(error?: unknown): void {
    if (error !== undefined) this.emit('error', error);
    this.stream.destroyed = true;
    this.stream.writable = false;
    this.#enter('close');
    if (this.retries) this.#enter('reconnecting');
    else this.end();
  }

  /** Redis ends a shard channel on its own. Needs a `condition` from the attempt to connect on. */
  endShardChannel(): void {
    const names = Object.assign(this.condition?.subscriber || {}, { del: ignoreRemoval });
    Object.assign(this.condition ?? {}, { subscriber: names });
    names.del('sunsubscribe', 'ended');
  }

  /** There will be no further attempt of ioredis itself. */
  end(): void {
    this.#enter('end');
  }

  #enter(status: string): void {
    this.status = status;
    this.emit(status);
  }

  #send(name: string, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => this.#add({ name, args, resolve, reject }));
  }

  #add(command: SentCommand): void {
    this.sent.push(command);
    this.onCommand(command);
  }
}

/** An error that Redis answered. */
export function replyError(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' });
}

/** Records the lines that are logged. */
export class FakeLog implements BrokerLog {
  readonly lines: string[] = [];

  log(message: string): void {
    this.lines.push(`log: ${message}`);
  }

  warn(message: string): void {
    this.lines.push(`warn: ${message}`);
  }

  error(message: string): void {
    this.lines.push(`error: ${message}`);
  }
}

const delay = timersPromises.setTimeout;

/** As `setTimeout` of `node:timers/promises`, over the fake timers. */
function fakeDelay<T>(ms?: number, value?: T, { signal }: { signal?: AbortSignal } = {}) {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => resolve(value as T), ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new Error('aborted', { cause: signal.reason }));
    });
  });
}

/**
 * Replaces the clock and all timers, `setTimeout` of `node:timers/promises` included. `setImmediate` stays:
 * the fake one is a millisecond late when a timer calls it.
 */
export function useFakeClock(): void {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });
  Object.assign(timersPromises, { setTimeout: fakeDelay });
  syncBuiltinESMExports();
}

/** Puts the clock back. */
export function useRealClock(): void {
  vi.useRealTimers();
  Object.assign(timersPromises, { setTimeout: delay });
  syncBuiltinESMExports();
}

/** Moves the fake clock on by some milliseconds, and runs all that is due then. */
export async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 3; turn++) {
    await new Promise(setImmediate);
    await vi.advanceTimersByTimeAsync(0);
  }
}

/** Moves the fake clock on, and stops before what its last timers pass to `setImmediate`. */
export function advance(ms: number): void {
  vi.advanceTimersByTime(ms);
}

/** Records the outcome of a promise: `undefined` while it is pending, `'resolved'`, or the error. */
export function outcomeOf(promise: Promise<unknown>): { readonly value: unknown } {
  const outcome: { value: unknown } = { value: undefined };
  promise.then(
    () => {
      outcome.value = 'resolved';
    },
    (error: unknown) => {
      outcome.value = error;
    },
  );
  return outcome;
}
