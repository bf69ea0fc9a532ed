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

function explain({ gatewayUrls, monitoringUrls, redisCli, openAt }: RunningSample): void {
  const [first, second] = gatewayUrls;
  console.log(`
The notification sample is ready; Ctrl-C stops it.

Open these addresses in two windows. Sign in as Alice in the first and as Bob in the second. Then
like Alice's post as Bob:

  ${first}
  ${second}

Each message through Redis is logged below: → sent, ← received. To watch the channels yourself:

  ${redisCli} PSUBSCRIBE 'sample:notifications.*'
${monitoring(monitoringUrls)}${warning(openAt)}`);
}

function monitoring(urls: readonly string[]): string {
  if (urls.length === 0) return '';
  const lines = urls.map((url) => `  ${url}/metrics    ${url}/health/ready`);
  return `
The services have their metrics and their health at:

${lines.join('\n')}
`;
}

function warning(openAt: string | undefined): string {
  return openAt === undefined
    ? ''
    : `
LISTEN_HOST=${openAt}: other machines may reach these addresses, and sign in as any user.
Requests for a host name that is not in ALLOWED_HOSTS are refused.
`;
}
