import type { Needs } from './needs.js';
import { isAtLeast, type Right, type ServerVersion } from './right.js';

/** A {@link Right} to a command, and which services need it. */
interface CommandRight extends Right {
  readonly isNeeded: (needs: Needs) => boolean;
  /** The first version whose ACLs know the command, or that sends it. */
  readonly from?: ServerVersion;
  /** The first version that allows the command to every user. */
  readonly until?: ServerVersion;
}

const ALWAYS = (): boolean => true;
const NAME = 'acl-check';
const V7 = { major: 7, minor: 0 };

/** Every command that this package and ioredis send, by what needs it. */
const COMMANDS: readonly CommandRight[] = [
  {
    rule: '+hello',
    reason: 'the handshake of RESP3',
    command: ['HELLO', '3'],
    isNeeded: ALWAYS,
    until: V7,
  },
  {
    rule: '+client|setinfo',
    reason: 'ioredis tells its name and version',
    command: ['CLIENT', 'SETINFO', 'LIB-NAME', 'ioredis'],
    isNeeded: ALWAYS,
    from: { major: 7, minor: 2 },
  },
  {
    rule: '+client|setname',
    reason: 'the connectionName',
    command: ['CLIENT', 'SETNAME', NAME],
    isNeeded: ({ setsName }) => setsName,
  },
  {
    rule: '+select',
    reason: 'the number of the database',
    command: ['SELECT', '0'],
    isNeeded: ({ selects }) => selects,
  },
  {
    rule: '+readonly',
    reason: 'readOnly',
    command: ['READONLY'],
    isNeeded: ({ readOnly }) => readOnly,
  },
  {
    rule: '+info',
    reason: 'the check of a server before it is used, and of its address',
    command: ['INFO', 'server'],
    isNeeded: ALWAYS,
  },
  { rule: '+ping', reason: 'the heartbeat', command: ['PING'], isNeeded: ALWAYS },
  {
    rule: '+cluster|nodes',
    reason: 'the nodes of the Cluster',
    command: ['CLUSTER', 'NODES'],
    isNeeded: ({ cluster }) => cluster,
  },
  {
    rule: '+publish',
    reason: 'events, requests, replies and probes',
    command: ['PUBLISH', NAME, ''],
    isNeeded: ({ publish }) => publish,
  },
  {
    rule: '+subscribe',
    reason: 'literal channels',
    command: ['SUBSCRIBE', NAME],
    isNeeded: ({ subscribe }) => subscribe,
  },
  {
    rule: '+unsubscribe',
    reason: 'literal channels without a listener',
    command: ['UNSUBSCRIBE', NAME],
    isNeeded: ({ subscribe }) => subscribe,
  },
  {
    rule: '+psubscribe',
    reason: 'patterns',
    command: ['PSUBSCRIBE', NAME],
    isNeeded: ({ psubscribe }) => psubscribe,
  },
  {
    rule: '+punsubscribe',
    reason: 'patterns without a listener',
    command: ['PUNSUBSCRIBE', NAME],
    isNeeded: ({ psubscribe }) => psubscribe,
  },
  {
    rule: '+spublish',
    reason: 'messages to shard channels',
    command: ['SPUBLISH', NAME, ''],
    isNeeded: ({ spublish }) => spublish,
    from: V7,
  },
  {
    rule: '+ssubscribe',
    reason: 'shard channels',
    command: ['SSUBSCRIBE', NAME],
    isNeeded: ({ ssubscribe }) => ssubscribe,
    from: V7,
  },
  {
    rule: '+sunsubscribe',
    reason: 'shard channels without a listener',
    command: ['SUNSUBSCRIBE', NAME],
    isNeeded: ({ ssubscribe }) => ssubscribe,
    from: V7,
  },
  {
    rule: '+eval',
    reason: 'batchPublishes, and messages with history',
    command: ['EVAL', 'return 1', '0'],
    isNeeded: ({ scripts }) => scripts,
  },
  {
    rule: '+pubsub|channels',
    reason: 'queries of channels',
    command: ['PUBSUB', 'CHANNELS'],
    isNeeded: ({ queries }) => queries,
  },
  {
    rule: '+pubsub|numsub',
    reason: 'queries of subscribers',
    command: ['PUBSUB', 'NUMSUB'],
    isNeeded: ({ queries }) => queries,
  },
  {
    rule: '+pubsub|numpat',
    reason: 'queries of patterns',
    command: ['PUBSUB', 'NUMPAT'],
    isNeeded: ({ patternCount }) => patternCount,
  },
  {
    rule: '+pubsub|shardchannels',
    reason: 'queries of shard channels',
    command: ['PUBSUB', 'SHARDCHANNELS'],
    isNeeded: ({ shardQueries }) => shardQueries,
    from: V7,
  },
  {
    rule: '+pubsub|shardnumsub',
    reason: 'queries of subscribers of shard channels',
    command: ['PUBSUB', 'SHARDNUMSUB'],
    isNeeded: ({ shardQueries }) => shardQueries,
    from: V7,
  },
  {
    rule: '+config|get',
    reason: 'the check of notify-keyspace-events',
    command: ['CONFIG', 'GET', 'notify-keyspace-events'],
    isNeeded: ({ readsConfig }) => readsConfig,
  },
  {
    rule: '+config|set',
    reason: "notify: 'set'",
    command: ['CONFIG', 'SET', 'notify-keyspace-events', ''],
    isNeeded: ({ setsConfig }) => setsConfig,
  },
];

/** The rights to commands. They differ between versions: a rule that a server does not know makes it refuse the line. */
export function commandRights(needs: Needs, version: ServerVersion): Right[] {
  return COMMANDS.filter(
    ({ isNeeded, from, until }) =>
      isNeeded(needs) &&
      (!from || isAtLeast(version, from)) &&
      !(until && isAtLeast(version, until)),
  ).map(({ rule, reason, command }) => ({ rule, reason, command }));
}
