// A process that observes many channels with history, and recovers what it missed of them.
import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { setImmediate } from 'node:timers/promises';
import { RedisPubSubModule, RedisPubSubService } from 'nestjs-redis-pubsub';
import { serveCommands } from '../harness/serve-commands.js';
import { meter, type Usage } from '../harness/usage.js';
import { channelName } from '../workload/channels.js';

// The log would be measured too. An outage is a warning.
Logger.overrideLogger(['error']);

/** The number of channels that are observed in one turn of the event loop. */
const CHANNELS_PER_TURN = 1_000;

/** What one outage has cost this process. */
export interface OutageUsage extends Usage {
  /** How many observers have recovered. */
  readonly recovered: number;
  readonly messages: number;
}

let subscribed = 0;
let recovered = 0;
let messages = 0;
let onCount: (() => void) | undefined;
let waiting: { readonly count: number; readonly resolve: () => void } | undefined;

const commands = {
  /** Resolves when Redis has acknowledged all subscriptions. */
  async observe(port: number, channels: number, recover: boolean): Promise<void> {
    const connection = `redis://127.0.0.1:${port}`;
    const module = RedisPubSubModule.forRoot({ connection, probeInterval: 0 });
    const service = (await NestFactory.createApplicationContext(module)).get(RedisPubSubService);
    const all = outcomes(channels);
    for (let index = 0; index < channels; index++) {
      const channel = channelName(index);
      const observed = recover
        ? service.observe(channel, { recover, onSubscribed: (it) => onSubscribed(it.recovered) })
        : service.observe(channel, { onSubscribed: () => onSubscribed(false) });
      observed.subscribe(onMessage);
      if (index % CHANNELS_PER_TURN === 0) await setImmediate();
    }
    await all;
  },

  /** Resolves when so many messages have arrived. Call it before they are sent. */
  received: (count: number): Promise<void> =>
    new Promise((resolve) => {
      messages = 0;
      onCount = (): void => {
        if (messages === count) resolve();
      };
    }),

  /** Resolves to the usage until all observers are subscribed again. Call it before the outage. */
  async outage(channels: number): Promise<OutageUsage> {
    recovered = messages = 0;
    onCount = undefined;
    const used = meter();
    await outcomes(channels);
    return { ...used(), recovered, messages };
  },
};

export type RecoveringObserverCommands = typeof commands;

serveCommands(commands);

function onMessage(): void {
  messages++;
  onCount?.();
}

function outcomes(count: number): Promise<void> {
  subscribed = 0;
  return new Promise((resolve) => {
    waiting = { count, resolve };
  });
}

function onSubscribed(isRecovered: boolean): void {
  if (isRecovered) recovered++;
  if (++subscribed !== waiting?.count) return;
  // The messages that were missed follow in this tick.
  queueMicrotask(waiting.resolve);
}
