import { setTimeout } from 'node:timers/promises';
import type { CandidateProcess } from '../support/faults/candidate-process.js';
import { eventually } from '../support/redis.js';
import { makeHalfOpen } from '../support/faults/half-open.js';
import { holdSubscriptions } from '../support/faults/hold-subscriptions.js';
import { killSubscribers } from '../support/faults/kill-subscribers.js';
import { overflowOutputBuffer } from '../support/faults/overflow-output-buffer.js';
import type { StandaloneTopology } from '../support/faults/standalone-topology.js';
import type { Direction } from '../support/tcp-proxy.js';
import { countFromNow, type Fault, type Injection, type Scenario } from './fault.js';
import {
  directScenario,
  proxiedScenario,
  type ProxiedTarget,
  type Target,
} from './standalone-scenario.js';

const DOWN_MS = 1_000;
const HANG_MS = 10_000;
const DENIED_MS = 2_000;
const DELAY_MS = 1_000;
const ABSENT_MS = 3_000;

const seconds = (milliseconds: number): string => `${milliseconds / 1_000} s`;

const fault = (
  name: string,
  countedFrom: string,
  createScenario: () => Promise<Scenario>,
): Fault => {
  return { topology: 'Standalone', name, countedFrom, createScenario };
};

/** Faults of a standalone Redis, and of the connections to it. */
export function standaloneFaults(redisOf: () => StandaloneTopology): Fault[] {
  const direct = (inject: (target: Target) => Promise<Injection>) => () =>
    directScenario(redisOf(), inject);
  const proxied = (inject: (target: ProxiedTarget) => Promise<Injection>) => () =>
    proxiedScenario(redisOf(), inject);
  const halfOpen = (directions: readonly Direction[]) =>
    proxied((target) => swallow(target, directions));
  return [
    fault('`CLIENT KILL` of the subscriber', 'the kill', direct(killConnections)),
    fault(
      `Redis killed, and started again after ${seconds(DOWN_MS)}`,
      "Redis' first answer",
      direct(restart),
    ),
    fault(`Redis hung for ${seconds(HANG_MS)}`, 'the end of the hang', direct(hang)),
    fault('half-open in the direction of the client', 'the fault', halfOpen(['toClient'])),
    fault('half-open in both directions', 'the fault', halfOpen(['toServer', 'toClient'])),
    fault(
      'output buffer limit reached, by 64 messages of 64 kB',
      'the last of these',
      direct(overflow),
    ),
    fault(`ACL tightened, and loosened after ${seconds(DENIED_MS)}`, 'the loosening', direct(deny)),
    fault(
      `\`SUBSCRIBE\` acknowledged ${seconds(DELAY_MS)} late after a \`CLIENT KILL\``,
      'its report that it is connected again',
      proxied(delayResubscription),
    ),
    fault(
      `\`SUBSCRIBE\` acknowledged ${seconds(DELAY_MS)} late at the start`,
      'its report that it is subscribed',
      beforeTheStart(proxied(delaySubscription)),
    ),
    fault(
      `Redis not there at the start, but ${seconds(ABSENT_MS)} later`,
      "Redis' first answer",
      beforeTheStart(direct(startLate)),
    ),
  ];
}

const beforeTheStart = (create: () => Promise<Scenario>) => async (): Promise<Scenario> => ({
  ...(await create()),
  startsCandidates: true,
});

async function killConnections({ redis }: Target): Promise<Injection> {
  await killSubscribers(redis.nodes());
  return countFromNow();
}

async function restart({ redis }: Target): Promise<Injection> {
  await redis.kill();
  await setTimeout(DOWN_MS);
  await redis.restart();
  return countFromNow();
}

async function hang({ redis }: Target): Promise<Injection> {
  redis.hang();
  await setTimeout(HANG_MS);
  redis.resume();
  return countFromNow();
}

async function swallow(
  { proxies }: ProxiedTarget,
  directions: readonly Direction[],
): Promise<Injection> {
  for (const proxy of proxies.values()) makeHalfOpen(proxy, directions);
  return countFromNow();
}

async function overflow({ redis, candidates, publisher }: Target): Promise<Injection> {
  await overflowOutputBuffer(redis.control, publisher.client, candidates.channels);
  return countFromNow();
}

async function deny({ redis }: Target): Promise<Injection> {
  await redis.denyChannels();
  await setTimeout(DENIED_MS);
  await redis.allowChannels();
  return countFromNow();
}

async function delayResubscription(target: ProxiedTarget): Promise<Injection> {
  const injectedAt = Date.now();
  holdAllSubscriptions(target);
  await killConnections(target);
  await forwardLate(target);
  return countFromReady(({ readyAt }) => readyAt.find((at) => at > injectedAt));
}

async function delaySubscription(target: ProxiedTarget): Promise<Injection> {
  holdAllSubscriptions(target);
  await target.candidates.start();
  await forwardLate(target);
  return countFromReady(({ readyAt }) => readyAt[0]);
}

async function startLate({ redis, candidates }: Target): Promise<Injection> {
  await redis.kill();
  await candidates.start();
  await setTimeout(ABSENT_MS);
  await redis.restart();
  return countFromNow();
}

function holdAllSubscriptions({ proxies }: ProxiedTarget): void {
  for (const proxy of proxies.values()) holdSubscriptions(proxy);
}

/** Forwards the SUBSCRIBE of each candidate some time after the candidate sends it. */
async function forwardLate({ candidates, proxies }: ProxiedTarget): Promise<void> {
  const forwarded = candidates.processes.map(async (process) => {
    const proxy = proxies.get(process.candidate);
    await eventually(
      () => process.isOver || (proxy?.holding ?? 0) > 0,
      `the proxy holds the SUBSCRIBE of ${process.candidate.id}`,
    );
    await setTimeout(DELAY_MS);
    proxy?.release();
  });
  await Promise.all(forwarded);
}

/** Counts the time and the losses of a candidate from its report that it is subscribed. */
function countFromReady(readyAt: (process: CandidateProcess) => number | undefined): Injection {
  return { countedFrom: readyAt, lossesFrom: readyAt };
}
