import type { INestApplicationContext } from '@nestjs/common';
import {
  RedisPubSubModule,
  RedisPubSubService,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import {
  ResumableStreams,
  type ReadOptions,
  type ResumableStreamsOptions,
  type StreamChunk,
} from 'nestjs-redis-pubsub/resumable';
import type { Subscription } from 'rxjs';
import { closeAfterTest, type TestLog } from '../../support/app.js';
import { eventually, type TestRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';

/** An instance of an application that writes and reads streams. */
export interface StreamsApp {
  readonly app: INestApplicationContext;
  readonly streams: ResumableStreams;
  readonly pubsub: RedisPubSubService;
  readonly log: TestLog;
}

/** Starts an instance; closed after the test. */
export async function startStreams(
  redis: TestRedis,
  options: ResumableStreamsOptions = {},
  module: RedisPubSubModuleOptions = {},
): Promise<StreamsApp> {
  const { app, log } = await startContext({
    imports: [RedisPubSubModule.forRoot({ connection: redis.url, ...module })],
    providers: [
      {
        provide: ResumableStreams,
        inject: [RedisPubSubService],
        useFactory: (pubsub: RedisPubSubService) => new ResumableStreams(pubsub, options),
      },
    ],
  });
  return { app, log, streams: app.get(ResumableStreams), pubsub: app.get(RedisPubSubService) };
}

/** A source whose chunks a test gives. */
export class ManualSource<T> implements AsyncIterable<T> {
  readonly #given: T[] = [];
  #end: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;
  /** How many chunks the writer has asked for. */
  asked = 0;
  isOpen = false;
  isReturned = false;

  give(...chunks: T[]): void {
    this.#given.push(...chunks);
    this.#wake?.();
  }

  end(error?: unknown): void {
    this.#end = error === undefined ? {} : { error };
    this.#wake?.();
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    this.isOpen = true;
    return {
      next: async () => {
        this.asked++;
        for (;;) {
          if (this.#given.length > 0) return { done: false, value: this.#given.shift() as T };
          if (this.#end?.error !== undefined) throw this.#end.error as Error;
          if (this.#end) return { done: true, value: undefined };
          await new Promise<void>((resolve) => (this.#wake = resolve));
        }
      },
      return: async () => {
        this.isReturned = true;
        return { done: true, value: undefined };
      },
    };
  }
}

/** A reader that goes on at its last chunk each time that it is opened. */
export class TestReader<T = string> {
  readonly chunks: StreamChunk<T>[] = [];
  end: 'completed' | (Error & { reason?: string; code?: string }) | undefined;
  #subscription: Subscription | undefined;

  constructor(private readonly id: string) {
    closeAfterTest(async () => this.close());
  }

  /** The data, in the order in which it arrived. */
  get data(): T[] {
    return this.chunks.map(({ data }) => data);
  }

  get position(): string | undefined {
    return this.chunks.at(-1)?.position;
  }

  open({ streams }: StreamsApp, options: ReadOptions = {}): this {
    const since = this.position;
    this.#subscription = streams
      .read<T>(this.id, { ...(since && { since }), ...options })
      .subscribe({
        next: (chunk) => this.chunks.push(chunk),
        complete: () => (this.end = 'completed'),
        error: (error: Error) => (this.end = error),
      });
    return this;
  }

  close(): void {
    this.#subscription?.unsubscribe();
  }

  /** Resolves when it has this many chunks. */
  async has(count: number): Promise<void> {
    await eventually(
      () => this.chunks.length >= count,
      () => `${count} chunks; it has ${this.chunks.length}, and ended with ${String(this.end)}`,
    );
  }

  /** Resolves when it has ended, to how. */
  async ended(): Promise<string> {
    await eventually(
      () => this.end !== undefined,
      () => `the end; it has ${this.chunks.length} chunks`,
    );
    return this.end instanceof Error ? (this.end.reason ?? String(this.end)) : String(this.end);
  }
}

/** An answer of this many chunks, with text that is hard to transport. */
export function answerOf(count: number): string[] {
  const pieces = ['word ', '\n', '\r\n', '\r', ' ', 'ä', '🙂', '"', '\\', '\u2028', '', '\0'];
  return Array.from({ length: count }, (_, i) => `${i}${pieces[i % pieces.length]}`);
}
