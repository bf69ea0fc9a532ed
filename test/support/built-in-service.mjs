// A process with event handlers on the built-in transport (Transport.REDIS). Arguments: <options as JSON> <channel>…
import { ServerRedis } from '@nestjs/microservices';

const [options, ...channels] = process.argv.slice(2);
const server = new ServerRedis(JSON.parse(options));
for (const channel of channels) server.addHandler(channel, async () => undefined, true);
await server.listen((error) => process.send(error ? 'failed' : 'listening'));
