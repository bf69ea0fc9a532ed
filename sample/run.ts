/** The samples of one program; each is a folder with a `main.ts`. Those with a page run until they are stopped. */
const NAMES = [
  'game-events',
  'cache-invalidation',
  'event-bus',
  'request-response',
  'patterns',
  'plain-json',
  'keyspace-events',
  'sharded-channels',
  'dashboard',
  'assistant',
  'chat',
];

const name = process.argv[2] ?? '';

if (NAMES.includes(name)) await import(`./${name}/main.js`);
else {
  console.error(`Usage: npm run sample <name>, where <name> is one of ${NAMES.join(', ')}`);
  process.exitCode = 1;
}
