import { afterEach, describe, expect, it } from 'vitest';
import type { SlotMap } from '../../../../src/broker/cluster/slot-map.js';
import { ClusterTopology } from '../../../../src/broker/cluster/cluster-topology.js';

const node = (id: string, port: number, slots: string, { flags = 'master', epoch = 1 } = {}) =>
  `${id} 10.0.0.1:${port}@1${port},node-${id}.example ${flags} - 0 0 ${epoch} connected ${slots}`;

/** The answer of each address; other addresses do not answer. */
type Views = Record<string, string[]>;

const BOTH = [node('a', 1, '0-8191'), node('b', 2, '8192-16383')];
const [A, B] = ['10.0.0.1:1', '10.0.0.1:2'];

describe('ClusterTopology', () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  function topologyOver(views: Views, { startupNodes = ['seed:1'], prefersNames = false } = {}) {
    const queried: string[] = [];
    const gone: string[] = [];
    const moves: SlotMap[] = [];
    const logged: string[] = [];
    const translations = { fails: false, of: new Map<string, string>() };
    const topology = new ClusterTopology({
      startupNodes,
      intervalMs: 1,
      isLoginFinal: true,
      prefersNames,
      query: async (address) => {
        queried.push(address);
        const view = views[address];
        if (!view) throw new Error(`${address} does not answer`);
        return view.join('\n');
      },
      translate: (address) => {
        if (translations.fails) throw new Error('no such node');
        return translations.of.get(address) ?? address;
      },
      onGone: (addresses) => gone.push(...addresses),
      onMoved: () => moves.push(topology.slots),
      log: { log: () => undefined, warn: (line) => logged.push(line), error: () => undefined },
    });
    stops.push(() => topology.stop());
    /** Resolves after `count` more queries. */
    const queries = async (count: number): Promise<void> => {
      const until = queried.length + count;
      while (queried.length < until) await new Promise((resolve) => setImmediate(resolve));
    };
    return { topology, queried, gone, moves, logged, translations, queries };
  }

  it('queries again after an answer that it cannot use, and logs the failure once', async () => {
    const { topology, logged, translations, queries } = topologyOver({ 'seed:1': BOTH });
    translations.fails = true;
    await expect(topology.discover(0)).rejects.toThrow('no such node');
    await queries(5);
    expect(logged).toEqual([expect.stringContaining('retrying (no such node)')]);
    translations.fails = false;
    await topology.discover(1_000);
    expect(topology.addresses).toEqual([A, B]);
    expect(logged.slice(1)).toEqual(['The Cluster answers CLUSTER NODES again, at seed:1']);
  });

  it('discovers the nodes when one startup node answers', async () => {
    const { topology } = topologyOver({ 'seed:1': BOTH }, { startupNodes: ['dead:1', 'seed:1'] });
    await topology.discover(1_000);
    expect(topology.addresses).toEqual([A, B]);
  });

  it('rejects with the failure of each node when none answers in time', async () => {
    const { topology } = topologyOver({}, { startupNodes: ['x:1', 'y:2'] });
    await expect(topology.discover(0)).rejects.toThrow(
      'No node of the Cluster gave a usable answer: x:1 does not answer, y:2 does not answer.',
    );
  });

  it('rejects when it is stopped during the discovery', async () => {
    const { topology } = topologyOver({});
    const known = topology.discover(1_000_000);
    await topology.stop();
    await expect(known).rejects.toThrow('closed');
  });

  it('queries no node after a stop between two rounds', async () => {
    const { topology, queried, queries } = topologyOver({});
    const known = topology.discover(1_000_000);
    await queries(3);
    await topology.stop();
    const before = queried.length;
    await expect(known).rejects.toThrow('closed');
    expect(queried).toHaveLength(before);
  });

  it('queries a startup node early when no known node answers', async () => {
    const ports = [1, 2, 3, 4, 5, 6];
    const many = ports.map((port) => node(`n${port}`, port, port === 1 ? '0-16383' : ''));
    const views: Views = { 'seed:1': many };
    const { topology, queried } = topologyOver(views, { startupNodes: ['seed:1', 'seed:2'] });
    await topology.discover(1_000);
    queried.length = 0;
    views['seed:1'] = views['seed:2'] = [node('a', 11, '0-16383')];
    await topology.refresh();
    expect(queried).toHaveLength(2);
  });

  it('queries each node in turn', async () => {
    const { topology, queried, queries } = topologyOver({ 'seed:1': BOTH, [A]: BOTH, [B]: BOTH });
    await topology.discover(1_000);
    await queries(6);
    expect(queried.slice(-4).toSorted()).toEqual([A, A, B, B]);
  });

  it('knows the successor of a failed master that returns as its replica', async () => {
    const a = (slots: string, flags: string) => node('a', 1, slots, { flags });
    const b = node('b', 2, '8192-16383');
    const views: Views = { 'seed:1': [a('0-8191', 'master'), b] };
    const { topology } = topologyOver(views);
    await topology.discover(1_000);
    views['seed:1'] = [a('0-8191', 'master,fail'), b];
    await topology.refresh();
    expect(topology.slots.ownerOf(0)).toBeUndefined();
    views['seed:1'] = [a('', 'slave'), b, node('c', 3, '0-8191', { epoch: 2 })];
    await topology.refresh();
    expect([...topology.successors]).toEqual(['10.0.0.1:3']);
  });

  it('reports a missing node at each refresh, until the node is back', async () => {
    const views: Views = { 'seed:1': BOTH, [A]: BOTH, [B]: BOTH };
    const { topology, gone } = topologyOver(views);
    await topology.discover(1_000);
    const goneAfterRefresh = async (): Promise<string[]> => {
      gone.length = 0;
      await topology.refresh();
      return [...gone];
    };
    views[A] = views[B] = [node('b', 2, '0-16383', { epoch: 2 })];
    expect(await goneAfterRefresh()).toEqual([A]);
    expect(await goneAfterRefresh()).toEqual([A]);
    views[B] = [node('a', 1, '0-8191', { epoch: 3 }), node('b', 2, '8192-16383')];
    expect(await goneAfterRefresh()).toEqual([]);
    expect(await goneAfterRefresh()).toEqual([]);
  });

  it('queries the node of a redirect at its translated address', async () => {
    const views: Views = { 'seed:1': BOTH, 'here:9': BOTH };
    const { topology, queried, translations } = topologyOver(views);
    await topology.discover(1_000);
    translations.of.set('there:9', 'here:9');
    queried.length = 0;
    await topology.refreshFrom('there:9');
    expect(queried[0]).toBe('here:9');
    translations.fails = true;
    await expect(topology.refreshFrom('there:9')).resolves.toBeUndefined();
  });

  it('ignores the answer of a node that knows no slots', async () => {
    const views: Views = { 'seed:1': BOTH, [A]: [node('new', 1, '')], [B]: BOTH };
    const { topology, queries, gone } = topologyOver(views);
    await topology.discover(1_000);
    gone.length = 0;
    await queries(6);
    expect(topology.addresses).toEqual([A, B]);
    expect(gone).toEqual([]);
  });

  it('queries the startup nodes again when no known node answers', async () => {
    const views: Views = { 'seed:1': BOTH };
    const { topology, queries, gone } = topologyOver(views);
    await topology.discover(1_000);
    views['seed:1'] = [node('a', 11, '0-8191'), node('b', 12, '8192-16383')];
    await queries(4);
    expect(topology.addresses).toEqual(['10.0.0.1:11', '10.0.0.1:12']);
    expect(gone).toEqual(expect.arrayContaining([A, B]));
  });

  it('uses the host names of the nodes with prefersNames', async () => {
    const { topology } = topologyOver({ 'seed:1': BOTH }, { prefersNames: true });
    await topology.discover(1_000);
    expect(topology.addresses).toEqual(['node-a.example:1', 'node-b.example:2']);
  });

  it('reports a master with the flag fail, and removes its address', async () => {
    const views: Views = { 'seed:1': BOTH, [A]: BOTH, [B]: BOTH };
    const { topology, queries, gone } = topologyOver(views);
    await topology.discover(1_000);
    const failed = [node('a', 1, '0-8191', { flags: 'master,fail' }), node('b', 2, '8192-16383')];
    for (const address of Object.keys(views)) views[address] = failed;
    await queries(4);
    expect(topology.addresses).toEqual([B]);
    expect(gone).toContain(A);
  });

  it('calls onMoved when slots change their owner, and only then', async () => {
    const views: Views = { 'seed:1': BOTH, [A]: BOTH, [B]: BOTH };
    const { topology, moves, queries } = topologyOver(views);
    await topology.discover(1_000);
    await queries(4);
    expect(moves).toHaveLength(1);
    const moved = [node('a', 1, '0-8190'), node('b', 2, '8191-16383', { epoch: 2 })];
    for (const address of Object.keys(views)) views[address] = moved;
    await queries(4);
    expect(moves.map((slots) => slots.ownerOf(8_191))).toEqual([A, B]);
  });

  it('has no owner for the slots of a master with the flag fail', async () => {
    const failed = [node('a', 1, '0-8191', { flags: 'master,fail' }), node('b', 2, '8192-16383')];
    const { topology } = topologyOver({ 'seed:1': failed });
    await topology.discover(1_000);
    expect([topology.slots.ownerOf(0), topology.slots.ownerOf(8_192)]).toEqual([undefined, B]);
    expect([...topology.slots.owners]).toEqual([B]);
  });

  it('ignores the older epoch of a node that was cut off', async () => {
    const failedOver = [node('a', 1, ''), node('b', 2, '0-16383', { epoch: 5 })];
    const views: Views = { 'seed:1': failedOver, [A]: BOTH, [B]: failedOver };
    const { topology, moves, queries } = topologyOver(views);
    await topology.discover(1_000);
    await queries(6);
    expect(moves).toHaveLength(1);
    expect(topology.slots.ownerOf(0)).toBe(B);
  });

  it('accepts an older epoch when every node has it, as after the Cluster was created again', async () => {
    const later = [node('a', 1, ''), node('b', 2, '0-16383', { epoch: 5 })];
    const views: Views = { 'seed:1': later, [A]: later, [B]: later };
    const { topology, moves, queries } = topologyOver(views);
    await topology.discover(1_000);
    for (const address of Object.keys(views)) views[address] = BOTH;
    await queries(6);
    expect(moves).toHaveLength(2);
    expect(topology.slots.ownerOf(0)).toBe(A);
  });

  it('starts a new refresh after the one in progress, at the given node', async () => {
    const { topology, queried } = topologyOver({ 'seed:1': BOTH, [A]: BOTH, [B]: BOTH });
    await topology.discover(1_000);
    const [under, next] = [topology.refresh(A), topology.refresh(B)];
    await under;
    await next;
    expect(queried.slice(queried.lastIndexOf(A))).toContain(B);
  });
});
