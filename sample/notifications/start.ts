import { Launcher, type RunningSample } from './launcher/launcher.js';

const launcher = new Launcher();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => void launcher.stop(0));
}

try {
  const sample = await launcher.start();
  if (sample) explain(sample);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  await launcher.stop(1);
}

function explain({ apiUrl, redisCli }: RunningSample): void {
  console.log(`
The notification service listens at ${apiUrl}; Ctrl-C stops it. Try, each in a terminal:

  curl -N ${apiUrl}/users/42/notifications/stream
  curl -X POST ${apiUrl}/users/42/follow -H 'content-type: application/json' -d '{"followerId":"7"}'
  ${redisCli} PSUBSCRIBE 'sample:*'
`);
}
