import { subscribe } from 'node:diagnostics_channel';
import type { TelemetryEvents } from 'nestjs-redis-pubsub';
import { printable } from './printable.js';

/** Logs each message through Redis in one line, from the telemetry of the library. */
export function traceMessages(name: string): void {
  const show = <Key extends keyof TelemetryEvents>(
    key: Key,
    describe: (event: TelemetryEvents[Key]) => string,
  ): void => {
    subscribe(`nestjs-redis-pubsub:${key}`, (event) => {
      console.log(`[${name}] ${printable(describe(event as TelemetryEvents[Key]))}`);
    });
  };
  show('publish', ({ channel, receivers }) => `→ ${channel} (${receivers ?? 'not'} delivered)`);
  show('receive', ({ channel }) => `← ${channel}`);
  show('drop', ({ channel, reason }) => `✗ ${channel} (${reason})`);
  show('subscribe', ({ kind, name, error }) => `${error ? '✗' : '+'} ${kind} ${name}`);
  show('unsubscribe', ({ kind, name }) => `- ${kind} ${name}`);
}
