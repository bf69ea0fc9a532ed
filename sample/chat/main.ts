import { Launcher, type RunningChat } from './launcher/launcher.js';

const launcher = new Launcher();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => void launcher.stop(0));
}

try {
  const chat = await launcher.start();
  if (chat) explain(chat);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  await launcher.stop(1);
}

function explain({ urls: [first, second], redisCli }: RunningChat): void {
  console.log(`
The chat is ready; Ctrl-C stops it.

Open these addresses in two windows. Sign in as Alice in the first and as Bob in the second:

  ${first}
  ${second}

Each address is a node of its own. To watch what passes between them:

  ${redisCli} PSUBSCRIBE 'chat:*'
`);
}
