import { afterEach, describe, expect, it } from 'vitest';
import { ClusterTopology } from '../../../../src/broker/cluster/cluster-topology.js';

const node = (id: string, port: number, slots: string, flags = 'master') =>
  `${id} 10.0.0.1:${port}@1${port},node-${id}.example ${flags} - 0 0 1 connected ${slots}`;

/** What each address answers; who is not in it does not. */
type Views = Record<string, string[]>;

const BOTH = [node('a', 1, '0-8191'), node('b', 2, '8192-16383')];
const [A, B] = ['10.0.0.1:1', '10.0.0.1:2'];

describe('the topology of a Cluster', () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  function topologyOver(views: Views, { startupNodes = ['seed:1'], prefersNames = false } = {}) {
    const asked: string[] = [];
    const gone: string[] = [];
    const topology = new ClusterTopology({
      startupNodes,
      interval: 1,
      prefersNames,
      ask: async (address) => {
        asked.push(address);
        const view = views[address];
        if (!view) throw new Error(`${address} does not answer`);
        return view.join('\n');
      },
      translate: (address) => address,
      onGone: (addresses) => gone.push(...addresses),
      log: { log: () => undefined, warn: () => undefined, error: () => undefined },
    });
    stops.push(() => topology.stop());
    /** Resolves after so many more questions. */
    const questions = async (count: number): Promise<void> => {
      const until = asked.length + count;
      while (asked.length < until) await new Promise((resolve) => setImmediate(resolve));
    };
    return { topology, asked, gone, questions };
  }

  it('is learnt from whoever answers', async () => {
    const { topology } = topologyOver({ 'seed:1': BOTH }, { startupNodes: ['dead:1', 'seed:1'] });
    await topology.known(1_000);
    expect(topology.addresses).toEqual([A, B]);
  });

  it('rejects with the last failure when nobody answers in time', async () => {
    const { topology } = topologyOver({}, { startupNodes: ['x:1', 'y:2'] });
    await expect(topology.known(0)).rejects.toThrow(
      /No node of the Cluster is reachable: .*does not answer/,
    );
  });

  it('rejects when it is stopped meanwhile', async () => {
    const { topology } = topologyOver({});
    const known = topology.known(1_000_000);
    await topology.stop();
    await expect(known).rejects.toThrow('closed');
  });

  it('asks each node in turn', async () => {
    const { topology, asked, questions } = topologyOver({ 'seed:1': BOTH, [A]: BOTH, [B]: BOTH });
    await topology.known(1_000);
    await questions(6);
    expect(asked.slice(-4).toSorted()).toEqual([A, A, B, B]);
  });

  it('takes a node that knows of no slots for none of it', async () => {
    const views: Views = { 'seed:1': BOTH, [A]: [node('new', 1, '')], [B]: BOTH };
    const { topology, questions, gone } = topologyOver(views);
    await topology.known(1_000);
    gone.length = 0;
    await questions(6);
    expect(topology.addresses).toEqual([A, B]);
    expect(gone).toEqual([]);
  });

  it('asks those to begin with again when nobody is where he was', async () => {
    const views: Views = { 'seed:1': BOTH };
    const { topology, questions, gone } = topologyOver(views);
    await topology.known(1_000);
    views['seed:1'] = [node('a', 11, '0-8191'), node('b', 12, '8192-16383')];
    await questions(4);
    expect(topology.addresses).toEqual(['10.0.0.1:11', '10.0.0.1:12']);
    expect(gone).toEqual(expect.arrayContaining([A, B]));
  });

  it('calls nodes by name where certificates are made out to names', async () => {
    const { topology } = topologyOver({ 'seed:1': BOTH }, { prefersNames: true });
    await topology.known(1_000);
    expect(topology.addresses).toEqual(['node-a.example:1', 'node-b.example:2']);
  });

  it('tells whom the others have given up, and asks him no more', async () => {
    const views: Views = { 'seed:1': BOTH, [A]: BOTH, [B]: BOTH };
    const { topology, questions, gone } = topologyOver(views);
    await topology.known(1_000);
    const failed = [node('a', 1, '0-8191', 'master,fail'), node('b', 2, '8192-16383')];
    for (const address of Object.keys(views)) views[address] = failed;
    await questions(4);
    expect(topology.addresses).toEqual([B]);
    expect(gone).toContain(A);
  });
});
