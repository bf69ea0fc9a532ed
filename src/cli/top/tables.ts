import type { HandlerStats, InstanceStats } from '../../introspection/instance-types.js';
import { countText, durationText, rateText } from './numbers.js';
import { handlerKey, sumOf, type Rates } from './rates.js';
import type { Snapshot } from './snapshot.js';
import type { Table } from './table.js';

const RIGHT = { align: 'right' } as const;
const GROWS = { grows: true } as const;

/** The tables of `top`, in their order. `nowMs` is the time of the day. */
export function tablesOf(snapshot: Snapshot, rates: Rates, nowMs: number): readonly Table[] {
  return [
    handlersTable(snapshot, rates),
    instancesTable(snapshot, rates, nowMs),
    channelsTable(snapshot),
    problemsTable(snapshot),
  ];
}

/** One line that says how the whole fleet is. */
export function summaryOf({ instances, ...snapshot }: Snapshot, rates: Rates): string {
  const handlers = instances.flatMap((instance) =>
    instance.handlers.map((handler) => ({ instance, handler })),
  );
  const total = (count: (handler: HandlerStats) => number): string =>
    countText(handlers.reduce((sum, { handler }) => sum + count(handler), 0));
  const ofAll = (count: (instance: InstanceStats) => number): string =>
    countText(instances.reduce((sum, instance) => sum + count(instance), 0));
  const received = sumOf(handlers.map((it) => rates.received(it.instance, it.handler)));
  const published = sumOf(instances.map((instance) => rates.published(instance)));
  return [
    `${instances.length} instances`,
    `in ${rateText(received)}/s`,
    `out ${rateText(published)}/s`,
    `failed ${total((it) => it.failed)}`,
    `queue ${total((it) => it.waiting)}`,
    `lost ${ofAll((it) => it.lost)}`,
    `gaps ${ofAll((it) => it.gaps)}`,
    `problems ${problemsOf(snapshot).length + troubledOf(instances).length}`,
  ].join('  ');
}

function handlersTable({ instances }: Snapshot, rates: Rates): Table {
  const groups = new Map<string, { instance: InstanceStats; handler: HandlerStats }[]>();
  for (const instance of instances) {
    for (const handler of instance.handlers) {
      const key = handlerKey(instance, handler);
      const known = groups.get(key);
      if (known) known.push({ instance, handler });
      else groups.set(key, [{ instance, handler }]);
    }
  }
  return {
    title: 'Handlers',
    empty: 'No instance has a handler.',
    columns: [
      { title: 'SERVICE', ...GROWS },
      { title: 'PATTERN', ...GROWS },
      { title: 'KIND' },
      { title: 'IN/S', ...RIGHT },
      { title: 'FAIL', ...RIGHT },
      { title: 'QUEUE', ...RIGHT },
      { title: 'RUN', ...RIGHT },
      { title: 'DROP', ...RIGHT },
      { title: 'GAPS', ...RIGHT },
    ],
    rows: [...groups.values()].map((members) => handlerRow(members, rates)),
  };
}

function handlerRow(
  members: readonly { readonly instance: InstanceStats; readonly handler: HandlerStats }[],
  rates: Rates,
): string[] {
  const total = (count: (handler: HandlerStats) => number): string =>
    countText(members.reduce((sum, { handler }) => sum + count(handler), 0));
  const [{ name = '' } = {}, { pattern = '', kind = '' } = {}] = [
    members[0]?.instance,
    members[0]?.handler,
  ];
  return [
    name,
    pattern,
    kind,
    rateText(sumOf(members.map((it) => rates.received(it.instance, it.handler)))),
    total((it) => it.failed),
    total((it) => it.waiting),
    total((it) => it.running),
    total((it) => it.dropped),
    total((it) => it.gaps),
  ];
}

function instancesTable({ instances }: Snapshot, rates: Rates, nowMs: number): Table {
  return {
    title: 'Instances',
    empty: 'No instance has answered.',
    columns: [
      { title: 'SERVICE', ...GROWS },
      { title: 'ID', ...GROWS },
      { title: 'STATUS' },
      { title: 'UP', ...RIGHT },
      { title: 'OUT/S', ...RIGHT },
      { title: 'SUBS', ...RIGHT },
      { title: 'LOST', ...RIGHT },
      { title: 'GAPS', ...RIGHT },
      { title: 'DROP', ...RIGHT },
    ],
    rows: instances.map((instance) => [
      instance.name,
      instance.id,
      instance.status,
      durationText(nowMs - instance.startedAt.getTime()),
      rateText(rates.published(instance)),
      countText(instance.subscriptions),
      countText(instance.lost),
      countText(instance.gaps),
      countText(instance.dropped),
    ]),
  };
}

function channelsTable({ channels, totalChannels }: Snapshot): Table {
  return {
    title: `Channels (${countText(totalChannels)})`,
    empty: 'No channel has a subscriber.',
    columns: [
      { title: 'CHANNEL', ...GROWS },
      { title: 'KIND' },
      { title: 'SUBSCRIBERS', ...RIGHT },
    ],
    rows: channels.map(({ channel, kind, subscribers }) => [
      channel,
      kind === 'shard' ? 'shard' : '',
      countText(subscribers),
    ]),
  };
}

function problemsTable({ instances, ...snapshot }: Snapshot): Table {
  return {
    title: 'Problems',
    empty: 'None.',
    columns: [{ title: 'PROBLEM' }, { title: 'SERVICE', ...GROWS }, { title: 'DETAIL', ...GROWS }],
    rows: [...troubledOf(instances), ...problemsOf(snapshot)],
  };
}

/** The instances that may not receive. */
function troubledOf(instances: readonly InstanceStats[]): string[][] {
  return instances
    .filter(({ status }) => status !== 'connected')
    .map(({ name, id, status }) => [status, name, id]);
}

function problemsOf(snapshot: Omit<Snapshot, 'instances'>): string[][] {
  const { missing, silent, unheard, drift, failures } = snapshot;
  return [
    ...failures.map((failure) => ['not asked', '', failure]),
    ...missing.map(({ name, id }) => ['gone', name, id]),
    ...(silent ? [['silent', '', `${silent} instances have not answered`]] : []),
    ...unheard.map(({ channel, messages, publishers, isCertain }) => [
      isCertain ? 'unheard' : 'unheard?',
      publishers.join(', '),
      `${countText(messages)} messages on ${channel}`,
    ]),
    ...drift.map(({ name, subject, variants }) => [
      'drift',
      name,
      `${subject}: ${variants.map(({ value, instances }) => `${value} (${instances.length})`).join('; ')}`,
    ]),
  ];
}
