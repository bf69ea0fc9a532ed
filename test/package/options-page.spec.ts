import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../src/errors.js';
import { REDIS_PUBSUB } from '../../src/options/options.js';
import {
  resolveHandlerOptions,
  resolveOptions,
  type OptionOwner,
} from '../../src/options/resolve-options.js';
import { readSendAllOptions } from '../../src/transport/client/gathered-request.js';
import {
  argumentTables,
  indexTable,
  joinOwners,
  optionSections,
  type Accepts,
  type Owner,
} from '../support/options-page.js';
import { PublicTypes, type OptionDoc } from '../support/read-options.js';

const PATH = 'docs/reference/options.md';

const types = new PublicTypes();
const byOwner: Record<Owner, OptionDoc[]> = {
  server: types.membersOf('RedisPubSubServerOptions'),
  client: types.membersOf('RedisPubSubClientOptions'),
  module: types.parameterOf('RedisPubSubModule', 'forRoot'),
};
/** The members of a type, without those that it shares with another one. */
const ownMembersOf = (name: string, other: string, ...shared: string[]): OptionDoc[] => {
  const others = types.membersOf(other).filter((it) => !shared.includes(it.name));
  return types.membersOf(name).filter((it) => !others.some((known) => known.name === it.name));
};

const handlerOptions = types.membersOf('SubscribeOptions');
const options = joinOwners(byOwner);

/** `isGlobal` belongs to `forRoot`, and is not among the options that a class resolves. */
const resolved = options.filter(({ name }) => name !== 'isGlobal');

const CLASSES: Readonly<Record<Owner, OptionOwner>> = {
  server: 'RedisPubSubServer',
  client: 'RedisPubSubClient',
  module: 'RedisPubSubModule',
};

/** What an option must be, from the error for a value that no option accepts. */
function expectedOf(check: (wrong: unknown) => unknown): string | undefined {
  try {
    check([]);
  } catch (error) {
    if (error instanceof InvalidOptionError) {
      return /^Expected "[^"]+" to be (?<expected>.*), got .*$/.exec(error.message)?.groups
        ?.expected;
    }
    throw error;
  }
  return undefined;
}

const nested = (name: string, value: unknown, field?: string): object => ({
  [name]: field === undefined ? value : { [field]: value },
});

const ownerOf = (name: string): OptionOwner => {
  const [owner = 'module'] = options.find((it) => it.name === name)?.docs.keys() ?? [];
  return CLASSES[owner];
};

/** The type of a boolean or a function says all. */
const withoutType = (expected?: string): string | undefined =>
  expected === undefined || /^(?:true or false|a function|".*")$/.test(expected)
    ? undefined
    : expected.replaceAll('"', '`');

const accepts: Accepts = (name, field) =>
  name === 'isGlobal'
    ? undefined
    : withoutType(expectedOf((wrong) => resolveOptions(ownerOf(name), nested(name, wrong, field))));

const handlerAccepts: Accepts = (name, field) =>
  withoutType(expectedOf((wrong) => resolveHandlerOptions(nested(name, wrong, field))));

/** The default of an option, as its docstring writes it. */
function written(value: unknown): string {
  if (value === undefined) return 'none';
  if (value === REDIS_PUBSUB) return '`REDIS_PUBSUB`';
  return `\`${inspect(value, { breakLength: Infinity })}\``;
}

const generated = {
  index: indexTable(options),
  options: optionSections(options, types, accepts),
  arguments: argumentTables(
    [
      {
        heading: 'Options of a handler',
        example:
          "The second argument of `@Subscribe('order.*', { concurrency: 8 })`, and the extras of `@EventPattern` and `@MessagePattern`.",
        options: handlerOptions,
        accepts: handlerAccepts,
      },
      {
        heading: 'Options of @OnKeyEvent',
        example:
          "The third argument of `@OnKeyEvent('expired', 'session:*', { database: 1 })`. Those of a handler apply, too, but for `sharded` and `group`.",
        options: ownMembersOf('OnKeyEventOptions', 'HandlerOptions', 'order'),
        accepts: () => undefined,
      },
      {
        heading: 'Options of @OnKey and @OnHashField',
        example: 'The last argument. Those of `@OnKeyEvent` apply, too.',
        options: ownMembersOf('OnKeyOptions', 'OnKeyEventOptions'),
        accepts: () => undefined,
      },
      {
        heading: 'Options of publish',
        example: 'The third argument of `publish`.',
        options: types.membersOf('PublishingOptions'),
        accepts: () => undefined,
      },
      {
        heading: 'Options of observe and subscribe',
        example:
          'The last argument of `observe`, `observePattern`, `subscribe` and `subscribePattern`.',
        options: types.membersOf('ObserveOptions'),
        accepts: () => undefined,
      },
      {
        heading: 'Options of observeKeys',
        example:
          'The last argument of `observeKeys`. `observeKeyEvent` has `database` and `onSubscribed`.',
        options: types.membersOf('ObserveKeysOptions'),
        accepts: () => undefined,
      },
      {
        heading: 'Options of sendAll',
        example: 'The third argument of `sendAll`.',
        options: types.membersOf('SendAllOptions'),
        accepts: (name) =>
          withoutType(expectedOf((wrong) => readSendAllOptions({ [name]: wrong }, 1))),
      },
    ],
    types,
  ),
};

/** The page with the generated parts between their markers. */
function withGenerated(page: string): string {
  return Object.entries(generated).reduce((text, [name, part]) => {
    const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`Expected "${begin}" and then "${end}" in ${PATH}`);
    return `${text.slice(0, from)}${begin}\n\n${part}\n\n${text.slice(to)}`;
  }, page);
}

describe('the page of the options', () => {
  it('is what the docstrings say; if not, run `npm run docs:options`', async () => {
    const page = withGenerated(readFileSync(PATH, 'utf8'));
    const formatted = await format(page, {
      ...(await resolveConfig(PATH)),
      parser: 'markdown',
    });
    await expect(formatted).toMatchFileSnapshot(`../../${PATH}`);
  });

  it('has every option of the classes', () => {
    const names = Object.keys(resolveOptions('RedisPubSubModule'));
    expect(resolved.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
    const handlerNames = Object.keys(resolveHandlerOptions());
    expect(handlerOptions.map(({ name }) => name).toSorted()).toEqual(
      [...handlerNames, 'transportId'].toSorted(),
    );
  });

  it.each(resolved)('names the classes that take $name', ({ name, docs }) => {
    const takers = Object.entries(CLASSES).filter(([, owner]) => {
      const refusal = expectedOf((wrong) => resolveOptions(owner, { [name]: wrong }));
      return !/^an option of .* only/.test(refusal ?? '');
    });
    expect([...docs.keys()]).toEqual(takers.map(([owner]) => owner));
  });

  it.each(resolved)('has the default of $name', ({ name, docs }) => {
    const value = Reflect.get(resolveOptions('RedisPubSubModule'), name) as unknown;
    for (const { defaultValue, fields } of docs.values()) {
      expect(defaultValue).toBe(written(value));
      for (const field of fields) {
        const fieldValue = Reflect.get(Object(value) as object, field.name) as unknown;
        expect(field.defaultValue.replace(' (64 MiB)', '')).toBe(written(fieldValue));
      }
    }
  });

  it('has the defaults of the options of a handler', () => {
    const defaults = resolveHandlerOptions();
    const ordered = resolveHandlerOptions({ order: 'channel' });
    const documented = Object.fromEntries(
      handlerOptions.map(({ name, defaultValue }) => [name, defaultValue]),
    );
    expect(documented).toEqual({
      concurrency: `${written(defaults.concurrency)}; with \`order\`: ${written(ordered.concurrency)}`,
      order: written(defaults.order),
      recover: written(defaults.recover),
      maxQueue: written(defaults.maxQueue),
      maxQueueBytes: `${written(defaults.maxQueueBytes)} (64 MiB)`,
      overflow: written(defaults.overflow),
      sharded: 'the `sharded` of the server',
      group: 'none: each instance handles each message',
      transportId: 'every transport of the application',
    });
    expect(defaults.maxQueueBytes).toBe(64 * 1024 * 1024);
    expect(defaults.sharded).toBeUndefined();
  });

  it('says the unit of every time', () => {
    const times = resolved.filter(({ name }) => accepts(name)?.startsWith('milliseconds'));
    expect(times.length).toBeGreaterThan(5);
    for (const { docs } of times) {
      for (const { summary } of docs.values()) expect(summary).toMatch(/, in milliseconds\.$/);
    }
  });
});
