/** A node of a Cluster as CLUSTER NODES describes it. */
export interface ClusterNode {
  /** `host:port` for clients. */
  readonly address: string;
  /** The same with the host name, if the node has one: certificates are issued for names. */
  readonly namedAddress: string | undefined;
  /** Whether the other nodes have marked it as failed. */
  readonly isFailing: boolean;
  /** The slots that it owns. A slot in migration counts for its source. */
  readonly slots: readonly SlotRange[];
  /** The configuration epoch, which grows with each change of ownership. */
  readonly epoch: number;
}

/** First and last slot. */
export type SlotRange = readonly [first: number, last: number];

/** A node that does not know its own address leaves the host empty. */
const ENDPOINT = /^(.*):(\d+)(?:@\d+)?(?:,([^,]*))?(?:,.*)?$/;

/**
 * Parses the answer to CLUSTER NODES. Nodes without a reachable address are left out.
 *
 * @see https://redis.io/docs/latest/commands/cluster-nodes/
 */
export function parseNodes(text: string, askedHost: string): ClusterNode[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => parseNode(line, askedHost))
    .filter((node) => node !== undefined);
}

function parseNode(line: string, askedHost: string): ClusterNode | undefined {
  const [, endpoint = '', flags = '', , , , epoch, , ...slots] = line.trim().split(' ');
  const [, host, port, name] = ENDPOINT.exec(endpoint) ?? [];
  const isReachable = port !== undefined && port !== '0' && !/noaddr|handshake/.test(flags);
  if (!isReachable) return undefined;
  return {
    address: `${host || askedHost}:${port}`,
    namedAddress: name ? `${name}:${port}` : undefined,
    isFailing: flags.split(',').includes('fail'),
    slots: slots.flatMap(parseRange),
    epoch: Number(epoch) || 0,
  };
}

/** Slots in migration stand in brackets, and are skipped. */
function parseRange(range: string): SlotRange[] {
  const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
  return first === undefined ? [] : [[Number(first), Number(last ?? first)]];
}
