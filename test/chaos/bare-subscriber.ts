import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { createClient, type Access } from './access.js';

/** A subscriber that is ioredis and nothing else: what a fault does without this library. */
export class BareSubscriber {
  readonly heard: string[] = [];
  /** What ioredis told of, in its order. */
  readonly events: string[] = [];

  private constructor(readonly client: Redis | Cluster) {
    for (const event of ['message', 'smessage']) {
      client.on(event, (_: string, message: string) => this.heard.push(message));
    }
    for (const event of ['ready', 'close', 'error', 'end']) {
      client.on(event, () => this.events.push(event));
    }
  }

  /** Resolves when it is subscribed. */
  static async start(access: Access, channel: string): Promise<BareSubscriber> {
    const subscriber = new BareSubscriber(createClient(access));
    await subscriber.client.subscribe(channel);
    subscriber.events.length = 0;
    return subscriber;
  }

  /** Likewise with SSUBSCRIBE, at the owner of the channel's slot. */
  static async startSharded(owner: RedisOptions, channel: string): Promise<BareSubscriber> {
    const subscriber = new BareSubscriber(createClient(owner));
    await subscriber.client.ssubscribe(channel);
    subscriber.events.length = 0;
    return subscriber;
  }

  /** The highest number that it heard. */
  get last(): number {
    return Math.max(...this.heard.map(numberOf));
  }

  /** Whether it has heard a message from a number on. */
  hears(from: number): boolean {
    return this.last >= from;
  }

  close(): void {
    this.client.disconnect();
  }
}

/** A subscriber in a process of its own, for faults that end the process. */
export async function spawnBareSubscriber(options: RedisOptions, channel: string) {
  const script = fileURLToPath(new URL('bare-subscriber.mjs', import.meta.url));
  const child = fork(script, [JSON.stringify(options), channel], { execArgv: [], silent: true });
  let output = '';
  child.stderr?.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const closed = once(child, 'close') as Promise<[number | null]>;
  await Promise.race([once(child, 'message'), closed]);
  return {
    /** Resolves when the process is gone. */
    exited: closed.then(([code]) => ({ code, output })),
    close: async (): Promise<void> => {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

const numberOf = (message: string): number => Number(/"number":(\d+)/.exec(message)?.[1] ?? -1);
