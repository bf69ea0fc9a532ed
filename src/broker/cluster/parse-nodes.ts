/** A node of a Cluster as another node, or itself, describes it. */
export interface ClusterNode {
  /** `host:port`, where clients find it. */
  readonly address: string;
  /** The same by name, where the node has one: certificates are made out to names. */
  readonly namedAddress: string | undefined;
  /** Whether the others have given it up. */
  readonly isFailing: boolean;
  /** The slots that it owns, from the first to the last of each range; those on their way count where they were. */
  readonly slots: readonly SlotRange[];
  /** Grows with each change of who owns what. */
  readonly epoch: number;
}

/** First and last slot. */
export type SlotRange = readonly [first: number, last: number];

/** Without an address a node says of itself that it is where it was asked. */
const ENDPOINT = /^(.*):(\d+)(?:@\d+)?(?:,([^,]*))?(?:,.*)?$/;

/** Reads the answer to CLUSTER NODES; nodes that nobody can reach are left out. */
export function parseClusterNodes(text: string, askedHost: string): ClusterNode[] {
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

/** In brackets are slots that are on their way. */
function parseRange(range: string): SlotRange[] {
  const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
  return first === undefined ? [] : [[Number(first), Number(last ?? first)]];
}
