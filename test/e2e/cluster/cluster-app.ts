import type { INestApplicationContext, ModuleMetadata } from '@nestjs/common';
import type { Redis } from 'ioredis';
import {
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
  type RedisPubSubModuleOptions,
  type RedisPubSubStatus,
} from 'nestjs-redis-pubsub';
import type { TestCluster } from '../../support/cluster.js';
import { eventually } from '../../support/redis.js';
import type { ServerProcess } from '../../support/sentinel.js';
import type { TestLog } from '../../support/app.js';
import { startContext } from '../module/apps.js';

export interface ClusterApp {
  readonly app: INestApplicationContext;
  readonly log: TestLog;
  readonly service: RedisPubSubService;
  readonly client: RedisPubSubClient;
  /** Every status so far. */
  readonly statuses: RedisPubSubStatus[];
  /** Resolves when it has this status. */
  readonly becomes: (status: RedisPubSubStatus) => Promise<void>;
  /** Resolves when the publisher connection is lost. */
  readonly publisherIsLost: () => Promise<void>;
  /** The port of the node that its subscriber is connected to. */
  readonly subscriberPort: () => number | undefined;
  /** The ports of the nodes that its publishers are connected to. */
  readonly publisherPorts: () => (number | undefined)[];
}

const portOf = ({ stream }: Redis): number | undefined => {
  const { remotePort } = (stream ?? {}) as { remotePort?: number };
  return remotePort;
};

/** Starts an application over a Cluster; closed after the test. */
export async function startClusterApp(
  options: RedisPubSubModuleOptions,
  metadata: ModuleMetadata = {},
): Promise<ClusterApp> {
  const { app, log } = await startContext({
    ...metadata,
    imports: [RedisPubSubModule.forRoot(options)],
  });
  const statuses: RedisPubSubStatus[] = [];
  const server = app.get(RedisPubSubServer);
  server.status.subscribe((status) => statuses.push(status));
  const clients = (): Redis[] => server.unwrap<Redis[]>();
  return {
    app,
    log,
    statuses,
    service: app.get(RedisPubSubService),
    client: app.get(RedisPubSubClient),
    becomes: (status) => eventually(() => statuses.at(-1) === status),
    publisherIsLost: () => new Promise((resolve) => clients()[0]?.once('close', resolve)),
    subscriberPort: () => clients().slice(-1).map(portOf)[0],
    publisherPorts: () => clients().slice(0, -1).map(portOf),
  };
}

/** The node that the subscriber of an application is connected to. */
export function subscriberNode(
  cluster: TestCluster,
  { subscriberPort }: ClusterApp,
): ServerProcess {
  return cluster.nodeAt(subscriberPort() ?? 0);
}

/** A connection with this node as the only startup node, so that the subscriber connects to it. */
export const at = ({ port }: ServerProcess): { nodes: { host: string; port: number }[] } => ({
  nodes: [{ host: '127.0.0.1', port }],
});
