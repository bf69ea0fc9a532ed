import { Redis } from 'ioredis';

const [options, channel] = process.argv.slice(2);
const client = new Redis(JSON.parse(options));
// Failed attempts are no surprise; what nobody can listen for is.
client.on('error', () => undefined);
await client.subscribe(channel);
process.send('subscribed');
