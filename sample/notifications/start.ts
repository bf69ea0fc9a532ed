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

function explain({ gatewayUrls, redisCli }: RunningSample): void {
  const [first, second] = gatewayUrls;
  console.log(`
The notification service is ready; Ctrl-C stops it. Two gateways serve the same page:

  ${first}
  ${second}

Sign in as one user at the first and as another user at the second. Each message through Redis is
logged below. To watch the notifications that users receive:

  ${redisCli} PSUBSCRIBE 'sample:notifications.*'
`);
}
