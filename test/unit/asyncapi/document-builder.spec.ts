import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DocumentBuilder, type Described } from '../../../src/asyncapi/document-builder.js';
import { SchemaComponents } from '../../../src/asyncapi/schema-components.js';
import { ChannelPattern } from '../../../src/channel/channel-pattern.js';
import type { Schema } from '../../../src/contracts/schema.js';

function described(name: string, given: Partial<Described> = {}): Described {
  const pattern = ChannelPattern.parse(name);
  return { action: 'receive', isRequest: false, pattern, prefix: '', hasEnvelope: true, ...given };
}

function build(...all: Described[]): DocumentBuilder {
  const builder = new DocumentBuilder(new SchemaComponents({}, undefined));
  for (const it of all) builder.add(it);
  return builder;
}

const request = (name: string) => described(name, { isRequest: true });

/** The address of the channel that a reference leads to, and the names of its messages. */
function channelAt({ channels }: DocumentBuilder, $ref = ''): [string | null, string[]] {
  const channel = channels[$ref.replace('#/channels/', '')];
  if (!channel) throw new Error(`There is no ${$ref}`);
  return [channel.address, Object.keys(channel.messages)];
}

describe('DocumentBuilder', () => {
  it.each([
    ['first', [described('x.reply'), request('x')]],
    ['last', [request('x'), described('x.reply')]],
    ['between two handlers of the request', [request('x'), described('x.reply'), request('x')]],
  ])('keeps a declared x.reply and the replies to x apart: %s', (_, all) => {
    const builder = build(...all);
    expect(Object.keys(builder.channels)).toHaveLength(3);
    const operations = Object.values(builder.operations);
    const receiving = operations.find(({ reply }) => reply);
    expect(channelAt(builder, receiving?.reply?.channel?.$ref)).toEqual([null, ['reply']]);
    const declared = operations.find(({ reply }) => !reply);
    expect(channelAt(builder, declared?.channel.$ref)).toEqual(['x.reply', ['event']]);
  });

  it('keeps channels apart that differ in case alone', () => {
    const builder = build(described('User.x'), described('user.x'), request('USER.x'));
    expect(Object.values(builder.channels).map(({ address }) => address)).toEqual(
      expect.arrayContaining(['User.x', 'user.x', 'USER.x']),
    );
    expect(Object.keys(builder.operations)).toHaveLength(3);
  });
});

describe('SchemaComponents', () => {
  it('keeps the parts of a schema and another schema of that name apart', () => {
    const Request = z.object({ cents: z.int() }).meta({ id: 'request' });
    const event = z.object({ first: Request, second: Request }) as Schema;
    const data = z.object({ sku: z.string() }) as Schema;
    for (const first of [true, false]) {
      const components = new SchemaComponents({}, undefined);
      const refs = first
        ? [components.refTo(event, 'x'), components.refTo(data, 'x.request')]
        : [components.refTo(data, 'x.request'), components.refTo(event, 'x')].toReversed();
      const at = ({ $ref }: { readonly $ref?: unknown }) =>
        components.all[String($ref).replace('#/components/schemas/', '')];
      expect(at(refs[1]!)).toMatchObject({ properties: { sku: { type: 'string' } } });
      const { properties } = at(refs[0]!) as { properties: { first: object } };
      expect(at(properties.first)).toMatchObject({ properties: { cents: { type: 'integer' } } });
    }
  });
});
