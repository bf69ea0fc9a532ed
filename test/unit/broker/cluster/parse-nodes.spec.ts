import { describe, expect, it } from 'vitest';
import { parseNodes } from '../../../../src/broker/cluster/parse-nodes.js';
import { useLoneNode } from '../../../support/cluster.js';

const ONE = 'ee9f61afe454917ba67f5c5418defb46fa6a473d';
const TWO = 'adef72333d174d59adb169d29b9396f402b21bd9';
const THREE = '711247c1debf84593f4650c572fad330750272f2';

const parse = (...lines: string[]) => parseNodes(`${lines.join('\n')}\n`, 'asked.example.org');

describe('parseNodes', () => {
  it('returns masters with slots, and replicas without slots', () => {
    const nodes = parse(
      `${TWO} 10.0.0.2:7002@17002 master - 0 1795470595676 2 connected 5461 8001-16383`,
      `${ONE} 10.0.0.1:7001@17001 myself,master - 0 1795470594000 1 connected 0-5460 5462-8000`,
      `${THREE} 10.0.0.3:7003@17003 slave ${ONE} 0 1795470595175 1 connected`,
    );
    expect(nodes).toMatchObject([
      {
        address: '10.0.0.2:7002',
        epoch: 2,
        slots: [
          [5461, 5461],
          [8001, 16_383],
        ],
      },
      {
        address: '10.0.0.1:7001',
        epoch: 1,
        slots: [
          [0, 5460],
          [5462, 8000],
        ],
      },
      { address: '10.0.0.3:7003', epoch: 1, slots: [] },
    ]);
  });

  it.each([
    ['without a bus, as before Redis 4', '10.0.0.1:7001', '10.0.0.1:7001'],
    ['with a host name', '10.0.0.1:7001@17001,one.example.org', '10.0.0.1:7001'],
    ['with an empty host name', '10.0.0.1:7001@17001,', '10.0.0.1:7001'],
    [
      'with the fields of later Redis versions',
      '10.0.0.1:7001@17001,one.example.org,tls-port=7002,shard-id=69bc080733d1355567173199cff4a6a039a2f024',
      '10.0.0.1:7001',
    ],
    ['of IPv6', '::1:7001@17001,one.example.org', '::1:7001'],
    ['of IPv6 in full', '2001:db8:0:1::a:7001@17001', '2001:db8:0:1::a:7001'],
    ['without a host: the host of the query', ':7001@17001', 'asked.example.org:7001'],
    ['without a host, with a host name', ':7001@17001,one.example.org', 'asked.example.org:7001'],
  ])('returns an address %s', (_, endpoint, address) => {
    const [node] = parse(`${ONE} ${endpoint} myself,master - 0 0 1 connected 0-8000`);
    expect(node).toMatchObject({ address, slots: [[0, 8000]] });
  });

  it.each([
    ['10.0.0.1:7001@17001,one.example.org', 'one.example.org:7001'],
    ['10.0.0.1:7001@17001,one.example.org,shard-id=69bc', 'one.example.org:7001'],
    ['::1:7001@17001,one.example.org', 'one.example.org:7001'],
    [':7001@17001,one.example.org', 'one.example.org:7001'],
    ['10.0.0.1:7001@17001,', undefined],
    ['10.0.0.1:7001@17001,,shard-id=69bc', undefined],
    ['10.0.0.1:7001@17001', undefined],
  ])('returns for %s the named address %s', (endpoint, namedAddress) => {
    const [node] = parse(`${ONE} ${endpoint} myself,master - 0 0 1 connected 0-8000`);
    expect(node?.namedAddress).toBe(namedAddress);
  });

  it('returns no node without a reachable address', () => {
    const nodes = parse(
      `${ONE} :0@0 slave,fail,noaddr ${TWO} 1795470596689 1795470595175 1 disconnected`,
      `${THREE} :0@0 master,noaddr - 0 0 3 disconnected 1-2`,
      `${TWO} ::1:23102@33102 handshake - 0 0 0 disconnected`,
    );
    expect(nodes).toEqual([]);
  });

  it('sets isFailing for the flag fail, and not for fail?', () => {
    const nodes = parse(
      `${ONE} 10.0.0.1:7001@17001 master,fail? - 1795470596689 1795470595175 1 disconnected 0-8000`,
      `${TWO} 10.0.0.2:7002@17002 master,fail - 1795470596689 1795470595175 2 disconnected 8001-16383`,
    );
    expect(nodes.map(({ isFailing }) => isFailing)).toEqual([false, true]);
  });

  it('returns a slot at its owner while it migrates to another node', () => {
    const nodes = parse(
      `${ONE} ::1:23101@33101 myself,master - 0 0 1 connected 0-8000 [10->-${TWO}]`,
      `${TWO} ::1:23102@33102 master - 0 0 2 connected 8001-16383 [10-<-${ONE}]`,
      `${THREE} ::1:23103@33103 master - 0 0 3 connected [11-<-${ONE}]`,
    );
    expect(nodes.map(({ slots }) => slots)).toEqual([[[0, 8000]], [[8001, 16_383]], []]);
  });

  it('accepts lines that end with CR LF', () => {
    const nodes = parse(`${ONE} 10.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-8000\r`, '');
    expect(nodes).toMatchObject([{ address: '10.0.0.1:7001', slots: [[0, 8000]] }]);
  });

  it('returns nothing for unknown text', () => {
    expect(parse('', ' ', 'nonsense', 'one two three')).toEqual([]);
  });

  describe('with the answer of a single node', () => {
    const node = useLoneNode();
    const ask = async () => parseNodes(String(await node().client.cluster('NODES')), '127.0.0.1');

    it('returns the address of the query, the host name and the slots', async () => {
      const address = `127.0.0.1:${node().port}`;
      expect(await ask()).toMatchObject([{ address, slots: [] }]);
      await node().client.cluster('ADDSLOTS', 0, 1, 2, 9, 16_383);
      await node().client.config('SET', 'cluster-announce-hostname', 'one.example.org');
      const namedAddress = `one.example.org:${node().port}`;
      expect(await ask()).toMatchObject([
        {
          address,
          namedAddress,
          slots: [
            [0, 2],
            [9, 9],
            [16_383, 16_383],
          ],
        },
      ]);
    });
  });
});
