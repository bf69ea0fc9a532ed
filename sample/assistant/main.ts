import { SampleRedis } from '../support/sample-redis.js';
import { startInstance, type Instance } from './instance.js';

const DEFAULT_PORT = 3010;
const NAMES = ['A', 'B'];

const redis = new SampleRedis('assistant');
const instances: Instance[] = [];
let isStopping = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void stop(0));

try {
  const { url, cli } = await redis.start();
  const port = Number(process.env.PORT || DEFAULT_PORT);
  const urls = NAMES.map((_, i) => `http://localhost:${port + i}`);
  for (const [i, name] of NAMES.entries()) {
    const others = urls.filter((it) => it !== urls[i]);
    instances.push(await startInstance({ name, port: port + i, redisUrl: url, others }));
  }
  explain(urls, cli);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  await stop(1);
}

async function stop(code: number): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  await Promise.all(instances.map((app) => app.close()));
  await redis.stop();
  process.exit(code);
}

function explain([first, second]: readonly string[], cli: string): void {
  console.log(`
The assistant is ready; Ctrl-C stops it. It has two instances:

  ${first}
  ${second}

Ask something. Reload the page in the middle of the answer, follow it in a second tab, stop it there.

Redis may end in the middle, too. It is restarted, and the answer goes on:

  ${cli} SHUTDOWN NOSAVE
`);
}
