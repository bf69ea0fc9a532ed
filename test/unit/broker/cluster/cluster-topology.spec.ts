import { afterEach, describe, expect, it } from 'vitest';
import type { SlotMap } from '../../../../src/broker/cluster/slot-map.js';
import { ClusterTopology } from '../../../../src/broker/cluster/cluster-topology.js';

const node = (id: string, port: number, slots: string, { flags = 'master', epoch = 1 } = {}) =>
  `${id} 10.0.0.1:${port}@1${port},node-${id}.example ${flags} - 0 0 ${epoch} connected ${slots}`;

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
    const moves: SlotMap[] = [];
    const logged: string[] = [];
    const translations = { fails: false, of: new Map<string, string>() };
    const topology = new ClusterTopology({
      startupNodes,
      intervalMs: 1,
      isLoginFinal: true,
      prefersNames,
      query: async (address) => {
        asked.push(address);
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
    /** Resolves after so many more questions. */
    const questions = async (count: number): Promise<void> => {
      const until = asked.length + count;
      while (asked.length < until) await new Promise((resolve) => setImmediate(resolve));
    };
    return { topology, asked, gone, moves, logged, translations, questions };
  }

  it('is asked for again after a failure to make anything of an answer, which is logged once', async () => {
    const { topology, logged, translations, questions } = topologyOver({ 'seed:1': BOTH });
    translations.fails = true;
    await expect(topology.discover(0)).rejects.toThrow('no such node');
    await questions(5);
    expect(logged).toEqual([expect.stringContaining('retrying (no such node)')]);
    translations.fails = false;
    await topology.discover(1_000);
    expect(topology.addresses).toEqual([A, B]);
  });

  it('is learnt from whoever answers', async () => {
    const { topology } = topologyOver({ 'seed:1': BOTH }, { startupNodes: ['dead:1', 'seed:1'] });
    await topology.discover(1_000);
    expect(topology.addresses).toEqual([A, B]);
  });

  it('rejects with the last failure when nobody answers in time', async () => {
    const { topology } = topologyOver({}, { startupNodes: ['x:1', 'y:2'] });
    await expect(topology.discover(0)).rejects.toThrow(
      /No node of the Cluster is reachable: .*does not answer/,
    );
  });

  it('rejects when it is stopped meanwhile', async () => {
    const { topology } = topologyOver({});
    const known = topology.discover(1_000_000);
    await topology.stop();
    await expect(known).rejects.toThrow('closed');
  });

  it('asks nobody any more when it is stopped between two rounds', async () => {
    const { topology, asked, questions } = topologyOver({});
    const known = topology.discover(1_000_000);
    await questions(3);
    await topology.stop();
    const before = asked.length;
    await expect(known).rejects.toThrow('closed');
    expect(asked).toHaveLength(before);
  });

  it('asks one of those to begin with soon when nobody is where he was', async () => {
    const ports = [1, 2, 3, 4, 5, 6];
    const many = ports.map((port) => node(`n${port}`, port, port === 1 ? '0-16383' : ''));
    const views: Views = { 'seed:1': many };
    const { topology, asked } = topologyOver(views, { startupNodes: ['seed:1', 'seed:2'] });
    await topology.discover(1_000);
    asked.length = 0;
    views['seed:1'] = views['seed:2'] = [node('a', 11, '0-16383')];
    await topology.refresh();
    expect(asked).toHaveLength(2);
  });

  it('asks each node in turn', async () => {
    const { topology, asked, questions } = topologyOver({ 'seed:1': BOTH, [A]: BOTH, [B]: BOTH });
    await topology.discover(1_000);
    await questions(6);
    expect(asked.slice(-4).toSorted()).toEqual([A, A, B, B]);
  });

  it('knows the successor of a master that was taken for dead, and is back as its replica', async () => {
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

  it('tells at each look of those that are gone, until they are back', async () => {
    const views: Views = { 'seed:1': BOTH, [A]: BOTH, [B]: BOTH };
    const { topology, gone } = topologyOver(views);
    await topology.discover(1_000);
    const look = async (): Promise<string[]> => {
      gone.length = 0;
      await topology.refresh();
      return [...gone];
    };
    views[A] = views[B] = [node('b', 2, '0-16383', { epoch: 2 })];
    expect(await look()).toEqual([A]);
    expect(await look()).toEqual([A]);
    views[B] = [node('a', 1, '0-8191', { epoch: 3 }), node('b', 2, '8192-16383')];
    expect(await look()).toEqual([]);
    expect(await look()).toEqual([]);
  });

  it('asks a node that another one has named where that is from here', async () => {
    const views: Views = { 'seed:1': BOTH, 'here:9': BOTH };
    const { topology, asked, translations } = topologyOver(views);
    await topology.discover(1_000);
    translations.of.set('there:9', 'here:9');
    asked.length = 0;
    await topology.refreshFrom('there:9');
    expect(asked[0]).toBe('here:9');
    translations.fails = true;
    await expect(topology.refreshFrom('there:9')).resolves.toBeUndefined();
  });

  it('takes a node that knows of no slots for none of it', async () => {
    const views: Views = { 'seed:1': BOTH, [A]: [node('new', 1, '')], [B]: BOTH };
    const { topology, questions, gone } = topologyOver(views);
    await topology.discover(1_000);
    gone.length = 0;
    await questions(6);
    expect(topology.addresses).toEqual([A, B]);
    expect(gone).toEqual([]);
  });

  it('asks those to begin with again when nobody is where he was', async () => {
    const views: Views = { 'seed:1': BOTH };
    const { topology, questions, gone } = topologyOver(views);
    await topology.discover(1_000);
    views['seed:1'] = [node('a', 11, '0-8191'), node('b', 12, '8192-16383')];
    await questions(4);
    expect(topology.addresses).toEqual(['10.0.0.1:11', '10.0.0.1:12']);
    expect(gone).toEqual(expect.arrayContaining([A, B]));
  });

  it('calls nodes by name where certificates are made out to names', async () => {
    const { topology } = topologyOver({ 'seed:1': BOTH }, { prefersNames: true });
    await topology.discover(1_000);
    expect(topology.addresses).toEqual(['node-a.example:1', 'node-b.example:2']);
  });

  it('tells whom the others have given up, and asks him no more', async () => {
    const views: Views = { 'seed:1': BOTH, [A]: BOTH, [B]: BOTH };
    const { topology, questions, gone } = topologyOver(views);
    await topology.discover(1_000);
    const failed = [node('a', 1, '0-8191', { flags: 'master,fail' }), node('b', 2, '8192-16383')];
    for (const address of Object.keys(views)) views[address] = failed;
    await questions(4);
    expect(topology.addresses).toEqual([B]);
    expect(gone).toContain(A);
  });

  it('tells when slots have other owners, and when they have not', async () => {
    const views: Views = { 'seed:1': BOTH, [A]: BOTH, [B]: BOTH };
    const { topology, moves, questions } = topologyOver(views);
    await topology.discover(1_000);
    await questions(4);
    expect(moves).toHaveLength(1);
    const moved = [node('a', 1, '0-8190'), node('b', 2, '8191-16383', { epoch: 2 })];
    for (const address of Object.keys(views)) views[address] = moved;
    await questions(4);
    expect(moves.map((slots) => slots.ownerOf(8_191))).toEqual([A, B]);
  });

  it('has no owner for the slots of a master that the others have given up', async () => {
    const failed = [node('a', 1, '0-8191', { flags: 'master,fail' }), node('b', 2, '8192-16383')];
    const { topology } = topologyOver({ 'seed:1': failed });
    await topology.discover(1_000);
    expect([topology.slots.ownerOf(0), topology.slots.ownerOf(8_192)]).toEqual([undefined, B]);
    expect([...topology.slots.owners]).toEqual([B]);
  });

  it('is not told anew by a node that was cut off and knows of nothing since', async () => {
    const failedOver = [node('a', 1, ''), node('b', 2, '0-16383', { epoch: 5 })];
    const views: Views = { 'seed:1': failedOver, [A]: BOTH, [B]: failedOver };
    const { topology, moves, questions } = topologyOver(views);
    await topology.discover(1_000);
    await questions(6);
    expect(moves).toHaveLength(1);
    expect(topology.slots.ownerOf(0)).toBe(B);
  });

  it('is what all say when nobody knows of what was known, as after it was made anew', async () => {
    const later = [node('a', 1, ''), node('b', 2, '0-16383', { epoch: 5 })];
    const views: Views = { 'seed:1': later, [A]: later, [B]: later };
    const { topology, moves, questions } = topologyOver(views);
    await topology.discover(1_000);
    for (const address of Object.keys(views)) views[address] = BOTH;
    await questions(6);
    expect(moves).toHaveLength(2);
    expect(topology.slots.ownerOf(0)).toBe(A);
  });

  it('asks anew after a question that was under way, and whom it is told to first', async () => {
    const { topology, asked } = topologyOver({ 'seed:1': BOTH, [A]: BOTH, [B]: BOTH });
    await topology.discover(1_000);
    const [under, next] = [topology.refresh(A), topology.refresh(B)];
    await under;
    await next;
    expect(asked.slice(asked.lastIndexOf(A))).toContain(B);
  });
});
