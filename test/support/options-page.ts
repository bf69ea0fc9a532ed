import { markdownTable } from 'markdown-table';
import type { OptionDoc, PublicTypes } from './read-options.js';

/** A class that takes options, by the word that the page has for it. */
export type Owner = 'server' | 'client' | 'module';

const OWNERS: readonly Owner[] = ['server', 'client', 'module'];

/** An option with the classes that take it, each with its own docstring. */
export interface OwnedOption {
  readonly name: string;
  readonly docs: ReadonlyMap<Owner, OptionDoc>;
}

/** Says in words what an option accepts; `undefined` where only its type says it. */
export type Accepts = (name: string, field?: string) => string | undefined;

/** The options of the arguments of a decorator or a method. */
export interface ArgumentOptions {
  readonly heading: string;
  readonly example: string;
  readonly options: readonly OptionDoc[];
  readonly accepts: Accepts;
}

/** The pages that have more about an option. */
const PAGES: Readonly<Partial<Record<string, string>>> = {
  connection: '[Connections](../operations/connections.md)',
  credentials: '[Connections](../operations/connections.md)',
  name: '[Telemetry](../operations/telemetry.md)',
  prefix: '[Prefixes](../recipes/prefixes.md)',
  codec: '[Codecs](../guide/codecs.md)',
  accepts: '[Codecs](../guide/codecs.md#change-the-codec-of-a-running-fleet)',
  messageIds: '[Lost messages](../operations/lost-messages.md)',
  sharded: '[Cluster and sharding](../operations/cluster-and-sharding.md)',
  publishBuffer: '[Guarantees](../operations/guarantees.md)',
  probeInterval: '[Guarantees](../operations/guarantees.md)',
  addressCheckInterval: '[Connections](../operations/connections.md)',
  batchPublishes: '[Performance](../operations/performance.md)',
  requestTimeout: '[Requests](../guide/requests.md)',
  replies: '[Migrating from Transport.REDIS](../guide/migrating.md)',
  transportId: '[Module set-ups](../guide/module-set-ups.md)',
  inheritAppConfig: '[Handlers](../guide/handlers.md)',
  handlers: '[Module set-ups](../guide/module-set-ups.md)',
  isGlobal: '[Module set-ups](../guide/module-set-ups.md)',
  reservedSegment: '[Security](../operations/security.md)',
  notify: '[Keyspace notifications](../guide/keyspace-notifications.md)',
  concurrency: '[Slow handlers](../guide/slow-handlers.md)',
};

const GROUPS: readonly (readonly [heading: string, owners: readonly Owner[]])[] = [
  ['Server, client and module', OWNERS],
  ['Server and module', ['server', 'module']],
  ['Client and module', ['client', 'module']],
  ['Server and client', ['server', 'client']],
  ['Module only', ['module']],
];

/** Joins the options of the classes by their names, in the order of the page. */
export function joinOwners(options: Readonly<Record<Owner, readonly OptionDoc[]>>): OwnedOption[] {
  const joined = new Map<string, Map<Owner, OptionDoc>>();
  for (const owner of OWNERS) {
    for (const option of options[owner]) {
      const docs = joined.get(option.name) ?? new Map<Owner, OptionDoc>();
      joined.set(option.name, docs.set(owner, option));
    }
  }
  const all = [...joined].map(([name, docs]) => ({ name, docs }));
  return GROUPS.flatMap(([, owners]) => all.filter(({ docs }) => isOf(docs, owners)));
}

const isOf = (docs: OwnedOption['docs'], owners: readonly Owner[]): boolean =>
  [...docs.keys()].join() === owners.join();

/** The index of all options of the classes. */
export function indexTable(options: readonly OwnedOption[]): string {
  const rows = options.map(({ name, docs }) => {
    const [doc] = docs.values();
    const defaultValue = doc?.fields.length ? 'see there' : (doc?.defaultValue ?? '');
    // All three would make every row three lines high.
    const owners = docs.size === OWNERS.length ? 'all' : wordsOf(docs);
    return [`[\`${name}\`](#${name.toLowerCase()})`, defaultValue, owners, summaryOf(docs)];
  });
  return markdownTable([['option', 'default', 'classes', 'in short'], ...rows]);
}

/** The sections of the options of the classes. */
export function optionSections(
  options: readonly OwnedOption[],
  types: PublicTypes,
  accepts: Accepts,
): string {
  return GROUPS.flatMap(([heading, owners]) => {
    const members = options.filter(({ docs }) => isOf(docs, owners));
    return [`## ${heading}`, ...members.map((it) => sectionOf(it, types, accepts))];
  }).join('\n\n');
}

/** The tables of the options of decorators and methods. */
export function argumentTables(all: readonly ArgumentOptions[], types: PublicTypes): string {
  return all
    .flatMap(({ heading, example, options, accepts }) => [
      `## ${heading}`,
      example,
      ...options.map(
        (it) => `### \`${it.name}\` in ${placeOf(heading)}\n\n${bodyOf(it, types, accepts, '')}`,
      ),
    ])
    .join('\n\n');
}

const placeOf = (heading: string): string => heading.replace(/^Options of /, '');

function sectionOf({ name, docs }: OwnedOption, types: PublicTypes, accepts: Accepts): string {
  const [first] = docs.values();
  if (!first) return '';
  const texts = new Set([...docs.values()].map(textOf));
  const body = bodyOf(first, types, accepts, wordsOf(docs));
  const text =
    texts.size === 1
      ? body
      : body.replace(
          textOf(first),
          [...docs].map(([owner, doc]) => `- In the ${owner}: ${textOf(doc)}`).join('\n'),
        );
  return `### ${name}\n\n${text}`;
}

function bodyOf(option: OptionDoc, types: PublicTypes, accepts: Accepts, owners: string): string {
  const facts = [
    typeOf(option, types),
    `default: ${option.defaultValue}`,
    accepts(option.name),
    owners,
  ];
  const fields = option.fields.map((field) => {
    const range = accepts(option.name, field.name);
    return `- \`${field.name}\`: ${textOf(field)} Default: ${field.defaultValue}${range ? `; ${range}` : ''}.`;
  });
  const page = owners !== '' || option.name === 'concurrency' ? PAGES[option.name] : undefined;
  return [
    facts.filter((it) => it !== undefined && it !== '').join(' · '),
    textOf(option),
    fields.join('\n'),
    page ? `More: ${page}.` : '',
  ]
    .filter((it) => it !== '')
    .join('\n\n');
}

function typeOf({ types }: OptionDoc, known: PublicTypes): string {
  return types
    .map((type) => {
      const folder = known.folderOf(type);
      return folder ? `[\`${type}\`](../api/index/${folder}/${type}.md)` : `\`${type}\``;
    })
    .join(' or ');
}

function textOf({ summary, paragraphs: [first, ...others] }: OptionDoc): string {
  return [first === undefined ? summary : `${summary} ${first}`, ...others].join('\n\n');
}

function summaryOf(docs: ReadonlyMap<Owner, OptionDoc>): string {
  const summaries = [...docs].map(([owner, { summary }]) => ({ owner, summary }));
  if (new Set(summaries.map(({ summary }) => summary)).size === 1)
    return summaries[0]?.summary ?? '';
  return summaries.map(({ owner, summary }) => `${capitalized(owner)}: ${summary}`).join(' ');
}

const capitalized = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

function wordsOf(docs: ReadonlyMap<Owner, OptionDoc>): string {
  return [...docs.keys()].join(', ');
}
