/**
 * CPU time per message, side by side in one run: this package, Nest's own `Transport.REDIS`, and bare
 * ioredis doing the same job. Needs a `redis-server` on PATH. `node bench/run.mjs [--quick]`.
 */
import { Redis } from 'ioredis';
import { execSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { RedisMemoryServer } from 'redis-memory-server';

const isQuick = process.argv.includes('--quick');
const ROUNDS = isQuick ? 1 : 5;
const COUNT = isQuick ? 5_000 : 100_000;
const PAYLOAD = JSON.stringify({
  pattern: 'bench.event',
  data: { id: 42, name: 'Ada', tags: ['a', 'b'] },
});

const systemBinary = execSync('command -v redis-server', { encoding: 'utf8' }).trim();
const redis = new RedisMemoryServer({ binary: { systemBinary } });
await redis.start();
const port = await redis.getPort();
const publisher = new Redis(port);

function start(job, participant, count = COUNT) {
  const script = new URL('participants.mjs', import.meta.url);
  return fork(script, [job, participant, String(port), String(count)]);
}

/** The next message of a kind that a process under test sends. */
async function next(child, key) {
  for (;;) {
    const [message] = await once(child, 'message');
    if (key in message) return message[key];
  }
}

async function receive(job, participant) {
  const child = start(job, participant);
  await next(child, 'ready');
  const result = next(child, 'microseconds');
  for (let sent = 0; sent < COUNT; sent += 500) {
    const batch = publisher.pipeline();
    for (let i = 0; i < 500; i++) batch.publish('bench.event', PAYLOAD);
    await batch.exec();
  }
  return result;
}

async function emit(participant) {
  return next(start('emit', participant), 'microseconds');
}

async function request(participant) {
  const server = start('respond', participant);
  await next(server, 'ready');
  const client = start('request', participant, COUNT / 5);
  const cpu = await next(client, 'microseconds');
  server.disconnect();
  return cpu;
}

const MEASURES = {
  'receive, glob handler': ['ours', 'built-in', 'floor'].map((it) => [
    it,
    () => receive('receive-glob', it),
  ]),
  'receive, literal handler': ['ours', 'built-in', 'floor'].map((it) => [
    it,
    () => receive('receive-literal', it),
  ]),
  'emit, 500 in flight': ['ours', 'built-in', 'floor'].map((it) => [it, () => emit(it)]),
  'request, 100 in flight (client)': ['ours', 'built-in'].map((it) => [it, () => request(it)]),
};

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const rows = [];
for (const [measure, participants] of Object.entries(MEASURES)) {
  const results = new Map(participants.map(([name]) => [name, []]));
  // Round by round, so that a machine that grows slower does so for all.
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of participants) results.get(name).push(await run());
  }
  const row = { measure };
  for (const [name, values] of results) row[name] = Number(median(values).toFixed(2));
  row['ours / built-in'] = Number((row.ours / row['built-in']).toFixed(2));
  if (row.floor) row['ours / floor'] = Number((row.ours / row.floor).toFixed(2));
  rows.push(row);
}
console.table(rows);
publisher.disconnect();
await redis.stop();
