import * as fc from 'fast-check';
import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { RedisPubSubService } from '../../../src/module/redis-pubsub.service.js';
import { missingChunks } from '../../../src/resumable/missing-chunks.js';
import { resolveStreamOptions } from '../../../src/resumable/resumable-options.js';
import type { StreamMessage } from '../../../src/resumable/stream-message.js';
import { StreamReader } from '../../../src/resumable/stream-reader.js';

const writer = 'w'.repeat(11);
const start = 60_000;
const options = resolveStreamOptions({ writerTimeout: start });

type Step =
  /** Stores a chunk, which the reader receives, or not. */
  | { readonly kind: 'chunk'; readonly arrives: boolean }
  /** Stores a chunk of before once more, as after a reply that was lost. */
  | { readonly kind: 'again'; readonly place: number; readonly arrives: boolean }
  /** Another writer, which has lost the race for the id, or a stranger. */
  | { readonly kind: 'stranger' }
  | { readonly kind: 'sign' }
  /** Redis has lost everything; the writer stores it again, before or after the reader asks. */
  | { readonly kind: 'loss'; readonly restored: boolean }
  | { readonly kind: 'subscribed' }
  | { readonly kind: 'reload'; readonly keeps: boolean }
  | { readonly kind: 'pause' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('chunk' as const), arrives: fc.boolean() }),
  },
  fc.record({ kind: fc.constant('again' as const), place: fc.nat(50), arrives: fc.boolean() }),
  fc.record({ kind: fc.constant('stranger' as const) }),
  fc.record({ kind: fc.constant('sign' as const) }),
  fc.record({ kind: fc.constant('loss' as const), restored: fc.boolean() }),
  fc.record({ kind: fc.constant('subscribed' as const) }),
  fc.record({ kind: fc.constant('reload' as const), keeps: fc.boolean() }),
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pause' as const) }) },
);

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** A Redis and a writer, as a reader sees them. */
class World {
  list: StreamMessage[] = [];
  last = 0;
  readonly live = new Subject<{ data: unknown }>();
  onSubscribed: () => void = () => undefined;
  /** How many turns the answer to a read takes. */
  readonly delays: number[];

  constructor(delays: readonly number[]) {
    this.delays = [...delays];
  }

  readonly pubsub = {
    status: 'connected',
    observe: (_: string, given: { onSubscribed: () => void }) => {
      this.onSubscribed = given.onSubscribed;
      queueMicrotask(given.onSubscribed);
      return this.live;
    },
    history: async (_: string, { limit }: { limit: number }) => {
      const before = this.delays.pop() ?? 0;
      for (let i = 0; i < before; i++) await turn();
      const read = limit === Infinity ? this.list : this.list.slice(-limit);
      const messages = read.map((data) => ({ data }));
      for (let i = 0; i < (this.delays.pop() ?? 0); i++) await turn();
      return { messages };
    },
  } as unknown as RedisPubSubService;

  take(it: Step): void {
    if (it.kind === 'chunk') this.chunk(++this.last, it.arrives);
    else if (it.kind === 'again' && it.place < this.last) this.chunk(it.place + 1, it.arrives);
    else if (it.kind === 'sign') this.live.next({ data: { writer, last: this.last } });
    else if (it.kind === 'stranger') this.#addStranger();
    else if (it.kind === 'loss') this.#lose(it.restored);
  }

  #addStranger(): void {
    const stranger = 's'.repeat(11);
    for (const data of [{ writer: stranger, from: 1, chunks: ['s'] }, 'noise', null]) {
      this.live.next({ data });
    }
    // One that is first in an empty list owns the id, which is another test.
    if (this.list.length > 0) this.list.push({ writer: stranger, start });
  }

  #lose(isRestored: boolean): void {
    this.list = [{ writer, start }];
    if (isRestored) this.restore();
  }

  store(message: StreamMessage, arrives: boolean): void {
    this.list.push(message);
    if (arrives) this.live.next({ data: message });
  }

  chunk(from: number, arrives: boolean): void {
    this.store({ writer, from, chunks: [`chunk ${from}`] }, arrives);
  }

  restore(): void {
    const own = this.list.filter((it) => it.writer === writer);
    if (!own.some((it) => 'start' in it)) this.store({ writer, start }, true);
    for (const { from, count } of missingChunks(own, this.last)) {
      const chunks = Array.from({ length: count }, (_, i) => `chunk ${from + i}`);
      this.store({ writer, from, chunks }, true);
    }
  }
}

/** What has been handed out, and how it ended. */
class Transcript {
  found: unknown[] = [];
  numbers: number[] = [];
  position: string | undefined;
  end: unknown;
}

function read({ pubsub }: World, transcript: Transcript): StreamReader<unknown> {
  const scope = { pubsub, options, id: 'id', channel: 'resumable.id' };
  const since = transcript.position;
  const reader = new StreamReader<unknown>(
    scope,
    { since, startTimeout: start },
    {
      onRestart: () => (transcript.end = 'restarted'),
      onChunk: ({ data, number, position }) => {
        transcript.found.push(data);
        transcript.numbers.push(number);
        transcript.position = position;
      },
      onEnd: (outcome) => (transcript.end = outcome),
      onFailure: (error) => (transcript.end = error),
    },
  );
  reader.open();
  return reader;
}

/** One reader after the other in a world, and what happens there. */
class Run {
  readonly #world: World;
  transcript = new Transcript();
  #reader: StreamReader<unknown>;

  constructor(delays: readonly number[]) {
    this.#world = new World(delays);
    this.#world.store({ writer, start }, false);
    this.#reader = read(this.#world, this.transcript);
  }

  async take(it: Step): Promise<void> {
    if (it.kind === 'pause') await turn();
    else if (it.kind === 'reload') this.#reload(it.keeps);
    else if (it.kind === 'subscribed') this.#world.onSubscribed();
    else this.#world.take(it);
  }

  /** How many chunks the stream has. */
  get count(): number {
    return this.#world.last;
  }

  /** Has the writer end the stream. Resolves when the reader has ended, or does not go on. */
  async end(): Promise<Transcript> {
    const world = this.#world;
    world.restore();
    world.store({ writer, last: world.last, outcome: 'completed' }, true);
    for (let i = 0; i < 200 && this.transcript.end === undefined; i++) await turn();
    this.#reader.unsubscribe();
    return this.transcript;
  }

  #reload(keeps: boolean): void {
    this.#reader.unsubscribe();
    if (!keeps) this.transcript = new Transcript();
    this.#reader = read(this.#world, this.transcript);
  }
}

const chunk = (arrives: boolean): Step => ({ kind: 'chunk', arrives });
const pause: Step = { kind: 'pause' };
const loss: Step = { kind: 'loss', restored: false };
const again: Step = { kind: 'again', place: 0, arrives: false };

/** Schedules that have left a reader waiting for chunks that Redis had. */
const FAULTS: [Step[], number[]][] = [
  // While one chunk is missing, another one does not arrive.
  [[chunk(false), loss, chunk(false), pause, chunk(false), chunk(true)], [1]],
  // The missing chunk is stored again, and does not arrive.
  [[pause, chunk(false), loss, chunk(true), pause, again], []],
];

describe('StreamReader', () => {
  it('hands out each chunk once and in order, and the end, whatever is lost, repeated, delayed or reloaded', async () => {
    const delays = fc.array(fc.nat(3), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), delays, async (steps, waits) => {
        const run = new Run(waits);
        for (const it of steps) await run.take(it);
        const { end, found, numbers } = await run.end();
        expect(found).toHaveLength(run.count);
        expect(end).toBe('completed');
        expect(numbers).toEqual(numbers.map((_, i) => i + 1));
        expect(found).toEqual(found.map((_, i) => `chunk ${i + 1}`));
      }),
      { numRuns: 400, examples: FAULTS },
    );
  });

  it('counter-proof: what arrives is not enough', async () => {
    const world = new World([]);
    const found: unknown[] = [];
    world.live.subscribe(({ data }) => {
      if ('chunks' in (data as object)) found.push(...(data as { chunks: unknown[] }).chunks);
    });
    for (const arrives of [true, false, true]) world.chunk(++world.last, arrives);
    world.chunk(1, true);
    expect(found).toEqual(['chunk 1', 'chunk 3', 'chunk 1']);
  });
});
