// A subscriber that is ioredis and nothing else.
import { Cluster, Redis } from 'ioredis';
import { readArguments, tell } from './tell.mjs';

const EVENTS = ['close', 'reconnecting', 'error', 'end', '-node', 'node error'];

const { options, channel } = readArguments();
tell('starting');
const client = options.nodes ? new Cluster(options.nodes, options.options) : new Redis(options);
for (const event of EVENTS) {
  client.on(event, (detail) => {
    tell('event', { text: detail instanceof Error ? `${event}: ${detail.message}` : event });
  });
}
client.on('end', () => tell('gave up'));
const hear = (_, message) => tell('heard', { number: JSON.parse(message).number });
if (options.options?.shardedSubscribers) {
  client.on('smessage', hear);
  await client.ssubscribe(channel);
} else {
  client.on('message', hear);
  await client.subscribe(channel);
}
client.on('ready', () => tell('ready'));
tell('ready');
