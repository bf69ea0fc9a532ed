import { InvalidOptionError } from '../errors.js';
import { onlyAddress, withoutText } from '../shared/clean-error.js';
import { nearestName } from '../shared/nearest-name.js';
import { kindOfValue } from '../shared/printable.js';
import { isConnectionField, otherName } from './connection-names.js';

const URL_INSTEAD = 'the "connection": { connection: "redis://…" }';

/** Options of the built-in `Transport.REDIS` and of other clients, and what to write instead. */
const INSTEAD: Readonly<Partial<Record<string, string>>> = {
  url: URL_INSTEAD,
  uri: URL_INSTEAD,
  connectionString: URL_INSTEAD,
  redis: 'the "connection": a URL or ioredis options',
  config: 'the "connection": a URL or ioredis options',
  nodes: 'a field of "connection": { connection: { nodes } }',
  cluster: 'the nodes of "connection": { connection: { nodes } }',
  redisOptions: 'a field of "connection", beside its nodes: { nodes, options: { redisOptions } }',
  clusterOptions: 'a field of "connection", called options there: { nodes, options }',
  wildcards: 'absent: the pattern of a handler decides between SUBSCRIBE and PSUBSCRIBE',
  returnBuffers:
    'absent: a payload that is not UTF-8 is a Buffer; for bytes at all times write a "codec"',
  retryAttempts:
    'absent: it reconnects until it is closed; to stop earlier return null from connection.retryStrategy',
  retryDelay: 'absent: it reconnects by itself; for other delays write connection.retryStrategy',
  keyPrefix: 'the option "prefix"',
  transport: 'absent: the class is the transport',
  strategy: 'absent: the class is the strategy',
  options: 'absent: its fields are the options themselves',
  isGlobal:
    'an argument of RedisPubSubModule.forRoot or forRootAsync itself (beside useFactory, not in its result)',
};

/** The error for an option that a class does not have; `names` are those that it has. */
export function unknownOption(
  name: string,
  value: unknown,
  names: readonly string[],
): InvalidOptionError {
  const instead = Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : undefined;
  if (instead !== undefined)
    return new InvalidOptionError(
      name,
      instead,
      name === 'url' ? onlyAddress(value) : withoutText(value),
    );
  if (isConnectionField(name)) {
    // The value may be a password.
    return new InvalidOptionError(
      name,
      `a field of "connection": { connection: { ${name} } }`,
      '…',
    );
  }
  const inIoredis = otherName(name);
  if (inIoredis === undefined) return unknownName('option', name, names);
  return new InvalidOptionError(name, `a field of "connection", called ${inIoredis} there`, '…');
}

/** The error for a name that is none of `names`; `what` it is, such as "handler option". */
export function unknownName(
  what: string,
  name: string,
  names: readonly string[],
): InvalidOptionError {
  const nearest = nearestName(name, names);
  const hint = nearest === undefined ? '.' : `: did you mean "${nearest}"?`;
  const given = kindOfValue(name);
  return new InvalidOptionError(`Unknown ${what} ${given}${hint} There are ${names.join(', ')}`);
}
