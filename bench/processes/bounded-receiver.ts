// A process with a bounded handler whose queue holds messages.
import type { Redis } from 'ioredis';
import { ArrivalCounter } from '../harness/arrival-counter.js';
import { serveCommands } from '../harness/serve-commands.js';
import type { Usage } from '../harness/usage.js';
import { eventController } from '../candidates/controllers.js';
import '../candidates/load-candidate.js';
import { createServer } from '../candidates/ours.js';
import { serve } from '../candidates/serve.js';
import { EVERY_CHANNEL } from '../workload/channels.js';

/** Above the largest backlog, so that the queue never overflows. */
const MAX_QUEUE = 100_000;

const waiting = new ArrivalCounter();
const handled = new ArrivalCounter();
let isHeld = true;
/** The number of messages that the handler may still complete. */
let permits = 0;
let completeCurrent: (() => void) | undefined;

const commands = {
  /** Starts a handler with `concurrency: 1`. */
  async listen(port: number): Promise<void> {
    const limits = { concurrency: 1, maxQueue: MAX_QUEUE };
    const server = createServer(port);
    await serve(eventController([EVERY_CHANNEL], handle, limits), server);
    const [, subscriber] = server.unwrap<[Redis, Redis]>();
    subscriber.on('pmessageBuffer', onArrival);
  },

  /** From now on messages stay in the queue. Expects `count` of them. */
  hold(count: number): void {
    isHeld = true;
    waiting.expect(count);
  },

  /** Resolves when all expected messages are in the queue. */
  async held(): Promise<void> {
    await waiting.completed();
  },

  /**
   * From now on each message that arrives completes one, so that the queue keeps its length. Expects `count`
   * of them.
   */
  expect(count: number): void {
    isHeld = false;
    handled.expect(count);
  },

  /** Resolves to the usage per message when all expected messages have been handled. */
  completed(): Promise<Usage> {
    return handled.completed();
  },
};

export type BoundedReceiverCommands = typeof commands;

serveCommands(commands);

function onArrival(): void {
  if (isHeld) {
    waiting.increment();
    return;
  }
  permits++;
  completeCurrent?.();
}

async function handle(): Promise<void> {
  if (permits === 0) {
    await new Promise<void>((resolve) => {
      completeCurrent = resolve;
    });
    completeCurrent = undefined;
  }
  permits--;
  handled.increment();
}
