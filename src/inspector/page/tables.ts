import type { InspectedChannel, InspectedPattern } from '../../introspection/inspector-types.js';
import type { HandlerRow, InstanceRow, UnheardRow } from '../page-data.js';
import { byId, type Part } from './dom.js';
import { count, duration, plural, rate, shortCount, visible } from './format.js';
import { Table, type Column } from './table.js';

const SUBSCRIPTIONS = { channel: 'channel', pattern: 'glob', shard: 'shard' } as const;

/** A count that deserves a look when it is not 0. */
const alarming = (value: number): Part[] => [
  { text: shortCount(value), class: value > 0 ? 'alarm' : 'zero', title: count(value) },
];
const quiet = (value: number): Part[] => [
  { text: shortCount(value), class: value > 0 ? undefined : 'zero', title: count(value) },
];
const number = <Row>(label: string, parts: (row: Row) => Part[]): Column<Row> => ({
  label,
  kind: 'number',
  parts,
});

/** The class of a badge for the status of an instance. */
export function lookOf(status: string): string {
  if (status === 'connected') return 'badge good';
  return status === 'starving' || status === 'disconnected' ? 'badge bad' : 'badge warn';
}

/** The table of the instances. `now` is the time of the figures. */
export function instancesTable(now: () => number): Table<InstanceRow> {
  return new Table<InstanceRow>({
    target: byId('instances'),
    title: 'instances-title',
    key: ({ id }) => id,
    empty: (filter) =>
      filter === ''
        ? 'No instance has answered. Instances with "introspection: false" do not.'
        : 'No instance matches the filter.',
    columns: [
      {
        label: 'Instance',
        parts: ({ name, id, host, pid, version }) => [
          { text: visible(name), class: 'name' },
          {
            text: [host && `${visible(host)}:${pid}`, visible(id)].filter(Boolean).join(' · '),
            class: 'sub code',
          },
          { text: `version ${visible(version)}`, class: 'sub' },
        ],
      },
      {
        label: 'Status',
        parts: ({ status, since }) => [
          { text: status, class: lookOf(status) },
          { text: `for ${duration(now() - since)}`, class: 'sub' },
        ],
      },
      number('Received / s', ({ receivedRate }) => [{ text: rate(receivedRate) }]),
      number('Published / s', ({ publishedRate }) => [{ text: rate(publishedRate) }]),
      number('Failed', ({ failed }) => alarming(failed)),
      number('Lost', ({ lost }) => alarming(lost)),
      number('Gaps', ({ gaps }) => alarming(gaps)),
      number('Waiting', ({ waiting }) => quiet(waiting)),
      number('Reconnects', ({ reconnects }) => quiet(reconnects)),
      number('Subscriptions', ({ subscriptions }) => quiet(subscriptions)),
      number('Uptime', ({ startedAt }) => [{ text: duration(now() - startedAt) }]),
    ],
  });
}

const HANDLER: readonly Column<HandlerRow>[] = [
  {
    label: 'Handler',
    parts: ({ pattern, method, options }) => [
      { text: visible(pattern), class: 'name code' },
      ...(method === undefined ? [] : [{ text: visible(method), class: 'sub' }]),
      ...(options === '' ? [] : [{ text: visible(options), class: 'sub' }]),
    ],
  },
  {
    label: 'Kind',
    parts: ({ kind, subscription }) => [
      { text: kind, class: 'badge' },
      { text: SUBSCRIPTIONS[subscription], class: 'sub' },
    ],
  },
  {
    label: 'Service',
    parts: ({ service, instances }) => [
      { text: visible(service) },
      { text: plural(instances, 'instance'), class: 'sub' },
    ],
  },
];

/** The table of the handlers, those of all instances of a service in one row. */
export function handlersTable(): Table<HandlerRow> {
  return new Table<HandlerRow>({
    target: byId('handlers'),
    title: 'handlers-title',
    key: ({ service, kind, subscription, pattern, method }) =>
      JSON.stringify([service, kind, subscription, pattern, method]),
    empty: (filter) =>
      filter === '' ? 'No instance has a handler.' : 'No handler matches the filter.',
    columns: [
      ...HANDLER,
      number('Received / s', (row) => [{ text: rate(row.rate) }]),
      number('Received', ({ received }) => quiet(received)),
      number('Failed', ({ failed }) => alarming(failed)),
      number('Dropped', ({ dropped }) => alarming(dropped)),
      number('Gaps', ({ gaps }) => alarming(gaps)),
      number('Waiting', ({ waiting }) => quiet(waiting)),
      number('Running', ({ running }) => quiet(running)),
    ],
  });
}

/** The table of the channels. `show`, where given, opens the messages of one. */
export function channelsTable(show?: (channel: InspectedChannel) => void): Table<InspectedChannel> {
  const action: Column<InspectedChannel> = {
    label: 'Messages',
    kind: 'action',
    parts: ({ channel }) => [{ text: 'Show', title: `Show the messages of ${visible(channel)}` }],
    ...(show && { run: show }),
  };
  return new Table<InspectedChannel>({
    target: byId('channels'),
    title: 'channels-title',
    key: ({ channel, kind }) => `${kind} ${channel}`,
    empty: (filter) =>
      filter === '' ? 'No channel has a subscriber.' : 'No channel matches the filter.',
    columns: [
      {
        label: 'Channel',
        parts: ({ channel, kind }) => [
          { text: visible(channel), class: 'name code' },
          ...(kind === 'shard' ? [{ text: 'shard', class: 'badge' }] : []),
        ],
      },
      number('Subscribers', ({ subscribers }) => quiet(subscribers)),
      ...(show ? [action] : []),
    ],
  });
}

/** The table of the globs. */
export function patternsTable(): Table<InspectedPattern> {
  return new Table<InspectedPattern>({
    target: byId('patterns'),
    title: 'patterns-title',
    key: ({ pattern, glob }) => JSON.stringify([pattern, glob]),
    empty: (filter) =>
      filter === '' ? 'No instance is subscribed to a glob.' : 'No pattern matches the filter.',
    columns: [
      {
        label: 'Pattern',
        parts: ({ pattern, glob }) => [
          { text: visible(pattern), class: 'name code' },
          ...(glob === pattern ? [] : [{ text: visible(glob), class: 'sub code' }]),
        ],
      },
      number('Instances', ({ instances }) => quiet(instances)),
    ],
  });
}

/** The table of the channels that no subscriber hears. */
export function unheardTable(now: () => number): Table<UnheardRow> {
  return new Table<UnheardRow>({
    target: byId('unheard'),
    title: 'checks-title',
    key: ({ channel, kind }) => `${kind} ${channel}`,
    empty: () => '',
    columns: [
      {
        label: 'Unheard channel',
        parts: ({ channel, isCertain }) => [
          { text: visible(channel), class: 'name code' },
          ...(isCertain ? [] : [{ text: 'as far as a Cluster tells', class: 'sub' }]),
        ],
      },
      {
        label: 'Published by',
        parts: ({ publishers }) => [{ text: visible(publishers.join(', ')) }],
      },
      number('Messages', ({ messages }) => quiet(messages)),
      number('Last', ({ lastAt }) => [{ text: `${duration(now() - lastAt)} ago` }]),
    ],
  });
}
