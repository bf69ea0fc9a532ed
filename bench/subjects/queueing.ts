// A process with a bounded handler that messages wait for.
import type { Redis } from 'ioredis';
import { Arrivals } from '../harness/arrivals.js';
import { serveCommands } from '../harness/serve-commands.js';
import type { Usage } from '../harness/usage.js';
import { eventController } from '../participants/controllers.js';
import '../participants/load-participant.js';
import { createServer } from '../participants/ours.js';
import { serve } from '../participants/serve.js';
import { EVERY_CHANNEL } from '../workload/channels.js';

/** More than will ever wait: none may be given up. */
const MAX_QUEUE = 100_000;

const waiting = new Arrivals();
const handled = new Arrivals();
let isHeld = true;
/** How many messages the handler may still end. */
let permits = 0;
let endCurrent: (() => void) | undefined;

const commands = {
  /** A handler of one message at a time. */
  async listen(port: number): Promise<void> {
    const limits = { concurrency: 1, maxQueue: MAX_QUEUE };
    const server = createServer(port);
    await serve(eventController([EVERY_CHANNEL], handle, limits), server);
    const [, subscriber] = server.unwrap<[Redis, Redis]>();
    subscriber.on('pmessageBuffer', onArrival);
  },

  /** From here on each message stays. Expects so many. */
  hold(count: number): void {
    isHeld = true;
    waiting.expect(count);
  },

  /** Resolves when all that are to stay have arrived. */
  async held(): Promise<void> {
    await waiting.finished();
  },

  /** From here on one message goes for each that comes, so that as many wait as before. Expects so many. */
  expect(count: number): void {
    isHeld = false;
    handled.expect(count);
  },

  /** What one message took, when all that were expected have been handled. */
  finished(): Promise<Usage> {
    return handled.finished();
  },
};

export type QueueingCommands = typeof commands;

serveCommands(commands);

function onArrival(): void {
  if (isHeld) {
    waiting.note();
    return;
  }
  permits++;
  endCurrent?.();
}

async function handle(): Promise<void> {
  if (permits === 0) {
    await new Promise<void>((resolve) => {
      endCurrent = resolve;
    });
    endCurrent = undefined;
  }
  permits--;
  handled.note();
}
