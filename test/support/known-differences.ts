/** One way in which `InMemoryRedis` differs from a server. */
export interface KnownDifference {
  /** In words, for the documentation. */
  readonly title: string;
  readonly text: string;
  /** The tests of applications, below `test/e2e`, that do not run over memory for this reason. */
  readonly without: readonly string[];
}

/** All of them. The tests over memory leave out these files, and the page on testing has these words. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    title: 'No ioredis',
    text: '`unwrap()` returns `[]`, and `on()` reports no events. Options of ioredis, credentials and addresses have no effect.',
    without: [
      'bad-input/connections',
      'bad-input/options',
      'module/on-start',
      'nest/clients',
      'nest/resilience',
      'nest/status',
      'otel/failures',
    ],
  },
  {
    title: 'No commands',
    text: 'There is no INFO, ACL or CONFIG, and no keyspace notification. `refuse` stands for the ACL of a user.',
    without: [
      'bad-input/secrets',
      'module/life-cycle',
      'module/message-loss',
      'module/module-instances',
      'module/overridden',
      'module/who-runs-what',
    ],
  },
  {
    title: 'One server',
    text: 'Sharded channels work. There are no slots, no redirects, no Sentinel and no failover.',
    without: [],
  },
  {
    title: 'One process',
    text: 'A client in another process, or of another library, cannot connect.',
    without: [
      'interop/built-in-client',
      'interop/built-in-server',
      'interop/foreign-payloads',
      'interop/foreign-requests',
      'interop/json-codec',
      'interop/mixed-fleet',
      'interop/other-languages',
      'module/two-copies',
    ],
  },
  {
    title: 'Publishes arrive at once',
    text: 'The server accepts a message in the call. An outage never finds one on its way there.',
    without: [],
  },
  {
    title: 'Faults are noticed at once',
    text: 'PING and the delivery probe do not run. `starving` lasts until `restore`.',
    without: [],
  },
  {
    title: 'No output buffers',
    text: 'The server never disconnects a slow subscriber.',
    without: [],
  },
];
