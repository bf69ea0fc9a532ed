// A plain ioredis subscriber.
import { Cluster, Redis } from 'ioredis';
import { readArguments, report } from './report.mjs';

const EVENTS = ['close', 'reconnecting', 'error', 'end', '-node', 'node error'];

const { options, channel } = readArguments();
report('starting');
const client = options.nodes ? new Cluster(options.nodes, options.options) : new Redis(options);
for (const event of EVENTS) {
  client.on(event, (detail) => {
    report('event', { text: detail instanceof Error ? `${event}: ${detail.message}` : event });
  });
}
client.on('end', () => report('gave up'));
const receive = (_, message) => report('received', { number: JSON.parse(message).number });
if (options.options?.shardedSubscribers) {
  client.on('smessage', receive);
  await client.ssubscribe(channel);
} else {
  client.on('message', receive);
  await client.subscribe(channel);
}
client.on('ready', () => report('ready'));
report('ready');
