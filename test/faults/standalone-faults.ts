import { setTimeout } from 'node:timers/promises';
import { flood } from '../chaos/server-faults.js';
import type { Standalone } from '../chaos/standalone.js';
import { until } from '../chaos/until.js';
import type { Direction } from '../support/tcp-proxy.js';
import { fromNow, type Fault, type Stage, type Strike } from './fault.js';
import type { Participant } from './participant.js';
import { directStage, proxiedStage, type ProxiedTarget, type Target } from './standalone-stage.js';

const DOWN = 1_000;
const HUNG = 10_000;
const TIGHT = 2_000;
const LATE = 1_000;
const ABSENT = 3_000;

const seconds = (milliseconds: number): string => `${milliseconds / 1_000} s`;

const fault = (name: string, countedFrom: string, prepare: () => Promise<Stage>): Fault => {
  return { topology: 'One Redis', name, countedFrom, prepare };
};

/** What can go wrong with one Redis, or on the way to it. */
export function standaloneFaults(redisOf: () => Standalone): Fault[] {
  const direct = (strike: (target: Target) => Promise<Strike>) => () =>
    directStage(redisOf(), strike);
  const proxied = (strike: (target: ProxiedTarget) => Promise<Strike>) => () =>
    proxiedStage(redisOf(), strike);
  const halfOpen = (directions: readonly Direction[]) =>
    proxied((target) => swallow(target, directions));
  return [
    fault('`CLIENT KILL` of the subscriber', 'the kill', direct(killSubscribers)),
    fault(
      `Redis killed, and started again after ${seconds(DOWN)}`,
      "Redis' first answer",
      direct(restart),
    ),
    fault(`Redis hung for ${seconds(HUNG)}`, 'its going on', direct(hang)),
    fault('half-open in the direction of the client', 'the fault', halfOpen(['toClient'])),
    fault('half-open in both directions', 'the fault', halfOpen(['toServer', 'toClient'])),
    fault(
      'output buffer limit reached, by 64 messages of 64 kB',
      'the last of these',
      direct(overflow),
    ),
    fault(`ACL tightened, and loosened after ${seconds(TIGHT)}`, 'the loosening', direct(tighten)),
    fault(
      `\`SUBSCRIBE\` acknowledged ${seconds(LATE)} late after a \`CLIENT KILL\``,
      'its saying that it is connected again',
      proxied(delayResubscription),
    ),
    fault(
      `\`SUBSCRIBE\` acknowledged ${seconds(LATE)} late at the start`,
      'its saying that it listens',
      beforeTheStart(proxied(delaySubscription)),
    ),
    fault(
      `Redis not there at the start, but ${seconds(ABSENT)} later`,
      "Redis' first answer",
      beforeTheStart(direct(comeLate)),
    ),
  ];
}

const beforeTheStart = (prepare: () => Promise<Stage>) => async (): Promise<Stage> => ({
  ...(await prepare()),
  isBeforeTheStart: true,
});

async function killSubscribers({ redis }: Target): Promise<Strike> {
  await redis.control.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  return fromNow();
}

async function restart({ redis }: Target): Promise<Strike> {
  await kill(redis);
  await setTimeout(DOWN);
  await start(redis);
  return fromNow();
}

async function hang({ redis }: Target): Promise<Strike> {
  process.kill(redis.server.pid, 'SIGSTOP');
  await setTimeout(HUNG);
  process.kill(redis.server.pid, 'SIGCONT');
  return fromNow();
}

/** New connections are whole: what is measured is how long the old ones are believed in. */
async function swallow(
  { proxies }: ProxiedTarget,
  directions: readonly Direction[],
): Promise<Strike> {
  for (const proxy of proxies.values()) {
    proxy.swallow(directions);
    proxy.forward();
  }
  return fromNow();
}

async function overflow({ redis, arena, publisher }: Target): Promise<Strike> {
  await flood(redis, publisher.client, arena.lanes);
  return fromNow();
}

async function tighten({ redis }: Target): Promise<Strike> {
  await redis.control.call('ACL', 'SETUSER', 'app', 'resetchannels', '&other.*');
  await setTimeout(TIGHT);
  await redis.control.call('ACL', 'SETUSER', 'app', 'allchannels');
  return fromNow();
}

async function delayResubscription(target: ProxiedTarget): Promise<Strike> {
  const struckAt = Date.now();
  holdSubscriptions(target);
  await killSubscribers(target);
  await releaseLate(target);
  return whenReady(({ readyAt }) => readyAt.find((at) => at > struckAt));
}

async function delaySubscription(target: ProxiedTarget): Promise<Strike> {
  holdSubscriptions(target);
  await target.arena.begin();
  await releaseLate(target);
  return whenReady(({ readyAt }) => readyAt[0]);
}

async function comeLate({ redis, arena }: Target): Promise<Strike> {
  await kill(redis);
  await arena.begin();
  await setTimeout(ABSENT);
  await start(redis);
  return fromNow();
}

function holdSubscriptions({ proxies }: ProxiedTarget): void {
  for (const proxy of proxies.values()) proxy.hold(/subscribe/i);
}

/** Lets the subscription of each that comes (back) go on, a while after it came. */
async function releaseLate({ arena, proxies }: ProxiedTarget): Promise<void> {
  const releases = arena.participants.map(async (participant) => {
    const proxy = proxies.get(participant.contestant);
    await until('SUBSCRIBE is on hold', () => participant.isOver || (proxy?.holding ?? 0) > 0);
    await setTimeout(LATE);
    proxy?.release();
  });
  await Promise.all(releases);
}

/** Counts from the moment in which a participant said that it listens. */
function whenReady(readyAt: (participant: Participant) => number | undefined): Strike {
  return { from: readyAt, lossesFrom: readyAt };
}

async function kill({ server }: Standalone): Promise<void> {
  process.kill(server.pid, 'SIGKILL');
  await server.stop();
}

async function start({ server, control }: Standalone): Promise<void> {
  await server.start();
  await control.ping();
}
