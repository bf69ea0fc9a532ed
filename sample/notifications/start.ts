import { LOOPBACK, settings } from './process/settings.js';
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
The notification sample is ready; Ctrl-C stops it.

Open these addresses in two windows. Sign in as Alice in the first and as Bob in the second. Then
like Alice's post as Bob:

  ${first}
  ${second}

Each message through Redis is logged below: → sent, ← received. To watch the channels yourself:

  ${redisCli} PSUBSCRIBE 'sample:notifications.*'
${warning()}`);
}

function warning(): string {
  const { listenHost } = settings;
  return listenHost === LOOPBACK
    ? ''
    : `
LISTEN_HOST=${listenHost}: other machines may reach these addresses, and sign in as any user.
Requests for a host name that is not in ALLOWED_HOSTS are refused.
`;
}
