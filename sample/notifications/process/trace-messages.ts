import { subscribe } from 'node:diagnostics_channel';
import type { TelemetryEvents } from 'nestjs-redis-pubsub';
import type { TracedMessage } from './traced-message.js';

/** The library's own channels, such as those of its delivery probes. */
const RESERVED = '_pubsub.';

/** Passes each message and subscription of this process to `record`, from the telemetry of the library. */
export function traceMessages(instance: string, record: (traced: TracedMessage) => void): void {
  const on = <Key extends keyof TelemetryEvents>(
    key: Key,
    toTraced: (event: TelemetryEvents[Key]) => Omit<TracedMessage, 'instance'>,
  ): void => {
    subscribe(`nestjs-redis-pubsub:${key}`, (event) => {
      const traced = toTraced(event as TelemetryEvents[Key]);
      if (!traced.channel.includes(RESERVED)) record({ instance, ...traced });
    });
  };
  on('publish', ({ channel, receivers }) => ({ kind: 'sent', channel, receivers }));
  on('receive', ({ channel, subscription }) => ({
    kind: 'received',
    channel,
    ...(subscription !== channel && { pattern: subscription }),
  }));
  on('drop', ({ channel, reason }) => ({ kind: 'dropped', channel, detail: reason }));
  on('subscribe', ({ kind: detail, name: channel, error }) => ({
    kind: error ? 'refused' : 'subscribed',
    channel,
    detail,
  }));
  on('unsubscribe', ({ kind: detail, name: channel }) => ({
    kind: 'unsubscribed',
    channel,
    detail,
  }));
}
