import { Controller, Injectable, type ModuleMetadata } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { toJsonSchema as fromValibot } from '@valibot/to-json-schema';
import { type } from 'arktype';
import { IsString } from 'class-validator';
import { validationMetadatasToSchemas } from 'class-validator-jsonschema';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineEvents,
  defineRequests,
  dto,
  InvalidOptionError,
  On,
  OnKeyEvent,
  RedisPubSubModule,
  Respond,
  Subscribe,
  type DtoSchema,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { createAsyncApiDocument } from 'nestjs-redis-pubsub/asyncapi';
import { startService } from '../../support/app.js';
import { parseAsyncApi } from '../../support/parse-asyncapi.js';
import { useRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';

const INFO = { title: 'Shop', version: '1.2.3' };

class UserDto {
  @IsString()
  name!: string;
}

const Tree = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree);
  },
});
const events = defineEvents({
  'user.:id.created': z.object({ name: z.string() }),
  'tree.grown': Tree,
  'valibot.done': v.object({ id: v.string() }),
  'arktype.done': type({ id: 'string' }),
  'dto.done': dto(UserDto),
});
const requests = defineRequests({
  'price.:sku.get': {
    request: z.object({ currency: z.string() }),
    response: z.object({ cents: z.int() }),
  },
});

@Injectable()
class Handlers {
  @On(events, 'user.:id.created')
  created() {}

  @On(events, 'tree.grown')
  grown() {}

  @On(events, 'valibot.done')
  valibot() {}

  @On(events, 'arktype.done')
  arktype() {}

  @On(events, 'dto.done')
  dto() {}

  @Respond(requests, 'price.:sku.get')
  price() {
    return { cents: 5 };
  }

  @Subscribe(['log.*', 'a.{b}.c', 'literal:channel/x', ':kind.:id'])
  plain() {}

  @MessagePattern({ cmd: 'sum' })
  sum() {
    return 1;
  }

  @OnKeyEvent('expired')
  expired() {}
}

describe('createAsyncApiDocument', () => {
  const redis = useRedis();
  const start = async (metadata: ModuleMetadata, options: RedisPubSubModuleOptions = {}) => {
    const module = RedisPubSubModule.forRoot({
      connection: redis.url,
      notify: 'ignore',
      ...options,
    });
    return (await startContext({ imports: [module], ...metadata })).app;
  };

  it('describes each handler that runs, in a document that AsyncAPI takes', async () => {
    const app = await start({ providers: [Handlers] }, { prefix: 'shop:' });
    const document = createAsyncApiDocument(app, {
      info: INFO,
      servers: { main: { host: 'redis.example.com:6379', protocol: 'redis' } },
    });
    const { problems, parsed } = await parseAsyncApi(document);
    expect(problems).toEqual([]);
    expect(Object.keys(document.operations)).toEqual(
      [
        'receive.a._b_.c.event',
        'receive.arktype.done.event',
        'receive.dto.done.event',
        'receive.kind.id.event',
        'receive.literal_channel_x.event',
        'receive.log._.event',
        'receive.price.sku.get.request',
        'receive.tree.grown.event',
        'receive.user.id.created.event',
        'receive.valibot.done.event',
        'receive._cmd_sum_.request',
      ].toSorted(),
    );
    expect(document.channels['user.id.created']).toMatchObject({
      address: 'shop:user.{id}.created',
      parameters: { id: {} },
      'x-redis': { command: 'PSUBSCRIBE', name: 'shop:user.*.created' },
    });
    expect(document.channels['literal_channel_x']).toMatchObject({
      address: 'shop:literal:channel/x',
      'x-redis': { command: 'SUBSCRIBE', name: 'shop:literal:channel/x' },
    });
    expect(document.channels['kind.id']?.address).toBe('shop:{kind}.{id}');
    expect(document.channels['log._']?.address).toBeNull();
    expect(document.channels['a._b_.c']?.address).toBeNull();
    expect(parsed?.operations().filterByReceive()).toHaveLength(11);
    expect(parsed?.info().title()).toBe('Shop');
  });

  it('would not pass the parser with a part missing', async () => {
    const app = await start({});
    const document = createAsyncApiDocument(app, { info: INFO });
    expect((await parseAsyncApi(document)).problems).toEqual([]);
    const withoutVersion = { ...document, info: { title: 'Shop' } } as never;
    expect((await parseAsyncApi(withoutVersion)).problems).toEqual([
      expect.stringContaining('must have required property "version"'),
    ]);
  });

  it('describes the packet of a message, with the data as its schema has it', async () => {
    const app = await start({ providers: [Handlers] });
    const document = createAsyncApiDocument(app, { info: INFO });
    const { schemas } = document.components;
    expect(schemas['user.id.created']).toMatchObject({
      type: 'object',
      properties: { name: { type: 'string' } },
    });
    expect(schemas['arktype.done']).toMatchObject({ properties: { id: { type: 'string' } } });
    expect(document.channels['user.id.created']?.messages.event?.payload).toMatchObject({
      required: ['pattern', 'data'],
      properties: { data: { $ref: '#/components/schemas/user.id.created' } },
    });
    expect(schemas).not.toHaveProperty('valibot.done');
    expect(JSON.stringify(schemas['tree.grown'])).toMatch(/"\$ref":"#\/components\/schemas\/tree/);
    const operation = document.operations['receive.price.sku.get.request'];
    expect(operation?.reply).toEqual({
      address: { location: '$message.payload#/replyTo' },
      channel: { $ref: '#/channels/price.sku.get.reply' },
      messages: [{ $ref: '#/channels/price.sku.get.reply/messages/reply' }],
    });
    expect(schemas['price.sku.get.response']).toMatchObject({
      properties: { cents: { type: 'integer' } },
    });
  });

  it('describes bare data, and what a converter knows', async () => {
    const app = await start({ providers: [Handlers] }, { codec: 'json', handlers: true });
    const dtos = validationMetadatasToSchemas();
    const document = createAsyncApiDocument(app, {
      info: INFO,
      toJsonSchema: (schema) => {
        if (schema['~standard'].vendor === 'valibot') return fromValibot(schema as never) as never;
        if ('type' in schema) return dtos[(schema as DtoSchema<object>).type.name] as never;
        return undefined;
      },
    });
    expect((await parseAsyncApi(document)).problems).toEqual([]);
    const { schemas } = document.components;
    expect(schemas['valibot.done']).toMatchObject({ properties: { id: { type: 'string' } } });
    expect(schemas['dto.done']).toMatchObject({ properties: { name: { type: 'string' } } });
    expect(document.channels['dto.done']?.messages.event?.payload).toEqual({
      $ref: '#/components/schemas/dto.done',
    });
  });

  it('describes what is sent by contracts, on the channels of handlers too', async () => {
    @Injectable()
    class Plain {
      @EventPattern<string>('user.:id.created')
      created() {}
    }
    const app = await start({ providers: [Plain] }, { prefix: 'shop:' });
    const document = createAsyncApiDocument(app, { info: INFO, sends: [events, requests] });
    expect((await parseAsyncApi(document)).problems).toEqual([]);
    expect(
      Object.values(document.operations)
        .map(({ action }) => action)
        .toSorted(),
    ).toEqual(['receive', ...Array.from({ length: 6 }, () => 'send')]);
    expect(document.operations['send.user.id.created.event']?.channel).toEqual(
      document.operations['receive.user.id.created.event']?.channel,
    );
    const { event } = document.channels['user.id.created']?.messages ?? {};
    expect(event?.payload).toMatchObject({
      properties: { data: { $ref: '#/components/schemas/user.id.created' } },
    });
    expect(document.channels['price.sku.get']?.address).toBe('shop:price.{sku}.get');
  });

  it('describes a microservice on a bare server', async () => {
    @Controller()
    class Bare {
      @On(events, 'tree.grown')
      grown() {}
    }
    const { app } = await startService(
      { module: class {}, controllers: [Bare] },
      { connection: redis.url },
    );
    const document = createAsyncApiDocument(app, { info: INFO });
    expect(Object.keys(document.operations)).toEqual(['receive.tree.grown.event']);
    expect((await parseAsyncApi(document)).problems).toEqual([]);
  });

  it('refuses wrong options, and an application without a server', async () => {
    const app = await start({});
    const create = (options: unknown) => () => createAsyncApiDocument(app, options as never);
    expect(create(undefined)).toThrow(InvalidOptionError);
    expect(create({})).toThrow('Expected "info" to be an object, got undefined');
    expect(create({ info: { title: 'x' } })).toThrow('Expected "info.version" to be text');
    expect(create({ info: INFO, send: [] })).toThrow('did you mean "sends"?');
    expect(create({ info: INFO, toJsonSchema: 1 })).toThrow('"toJsonSchema" to be a function');
    expect(create({ info: INFO, sends: {} })).toThrow('"sends" to be an array of contracts');
    const { app: empty } = await startContext({});
    expect(() => createAsyncApiDocument(empty, { info: INFO })).toThrow(
      'Expected "app" to be an application with a RedisPubSubModule, or on a RedisPubSubServer',
    );
    expect(() => createAsyncApiDocument({} as never, { info: INFO })).toThrow(
      'Expected "app" to be an application of Nest, got an object',
    );
  });
});
