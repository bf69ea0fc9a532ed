import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, type ReadPacket } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  Channel,
  ChannelParam,
  MessageHeader,
  RedisPubSubContext,
  RedisPubSubRecordBuilder,
  type RedisPubSubClient,
} from 'nestjs-redis-pubsub';
import { createClient, startService, type TestLog } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

const PREFIX = 'context:';

const seen: unknown[] = [];

/** The values of all methods of a context. */
function describeContext(context: RedisPubSubContext): object {
  return {
    isOurs: context instanceof RedisPubSubContext,
    channel: context.getChannel(),
    pattern: context.getPattern(),
    params: context.getParams(),
    id: context.getParam('id'),
    noParam: context.getParam('toString'),
    headers: context.getHeaders(),
    tenant: context.getHeader('tenant'),
    noHeader: context.getHeader('toString'),
    metadata: context.getMetadata(),
    args: context.getArgs(),
    firstArg: context.getArgByIndex(0) as unknown,
  };
}

@Controller()
class DescribeController {
  @EventPattern<string>('literal.event')
  literal(@Ctx() context: RedisPubSubContext): void {
    seen.push(describeContext(context));
  }

  @EventPattern<string>('params/:id/in:box/:kind')
  params(@Ctx() context: RedisPubSubContext): void {
    seen.push(describeContext(context));
  }

  @MessagePattern('params.:id.describe')
  describe(@Ctx() context: RedisPubSubContext): object {
    return describeContext(context);
  }

  @EventPattern<string>('decorators.:id.event')
  decorators(
    @Channel() channel: string,
    @ChannelParam('id') id: string,
    @MessageHeader('tenant') tenant: string,
    @Payload() data: unknown,
  ): void {
    seen.push({ channel, id, tenant, data });
  }

  @EventPattern<string>('missing.:id')
  missing(
    @ChannelParam('toString') param: string | undefined,
    @MessageHeader('toString') header: string | undefined,
  ): void {
    seen.push([param, header]);
  }

  @MessagePattern('headers.request')
  headers(@Ctx() context: RedisPubSubContext, @MessageHeader('tenant') tenant: string): unknown {
    return [tenant, context.getHeaders()];
  }
}

const traceAndReject = (packet: ReadPacket): unknown => {
  Object.assign(packet, { metadata: { trace: 'hook' } });
  return Promise.reject(new Error('no tracer'));
};

describe('a handler receives', () => {
  const redis = useRedis();
  let client: RedisPubSubClient;
  let log: TestLog;

  beforeEach(async () => {
    seen.length = 0;
    const options = { connection: redis.url, prefix: PREFIX };
    ({ log } = await startService(
      { module: class {}, controllers: [DescribeController] },
      options,
    ));
    client = createClient(options);
  });

  const emit = async (channel: string, data: unknown): Promise<unknown> => {
    await firstValueFrom(client.emit(channel, data));
    await eventually(() => seen.length > 0);
    return seen.shift();
  };

  it('only the channel for a literal pattern and a message without headers', async () => {
    expect(await emit('literal.event', 1)).toEqual({
      isOurs: true,
      channel: 'literal.event',
      pattern: 'literal.event',
      params: {},
      headers: {},
      args: ['literal.event', undefined],
      firstArg: 'literal.event',
    });
  });

  it('the pattern, the parameters and the headers', async () => {
    const record = new RedisPubSubRecordBuilder(1).setHeaders({ tenant: 'acme', trace: 't1' });
    const headers = { tenant: 'acme', trace: 't1' };
    expect(await emit('params/42/in:box/mail', record.build())).toEqual({
      isOurs: true,
      channel: 'params/42/in:box/mail',
      pattern: 'params/:id/in:box/:kind',
      params: { id: '42', kind: 'mail' },
      id: '42',
      headers,
      tenant: 'acme',
      metadata: headers,
      args: ['params/42/in:box/mail', headers],
      firstArg: 'params/42/in:box/mail',
    });
  });

  it('the pattern, the parameters and the headers of a request', async () => {
    const record = new RedisPubSubRecordBuilder(1).setHeader('tenant', 'acme').build();
    const reply = await firstValueFrom(client.send('params.42.describe', record));
    expect(reply).toMatchObject({
      isOurs: true,
      channel: 'params.42.describe',
      pattern: 'params.:id.describe',
      params: { id: '42' },
      headers: { tenant: 'acme' },
    });
  });

  it('the values of its parameter decorators', async () => {
    const record = new RedisPubSubRecordBuilder({ a: 1 }).setHeader('tenant', 'acme').build();
    expect(await emit('decorators.7.event', record)).toEqual({
      channel: 'decorators.7.event',
      id: '7',
      tenant: 'acme',
      data: { a: 1 },
    });
  });

  it('undefined for a missing parameter and a missing header', async () => {
    expect(await emit('missing.7', 1)).toEqual([undefined, undefined]);
  });

  it('parameters with non-ASCII text unchanged', async () => {
    expect(await emit('decorators.zürich 🚲.event', 1)).toMatchObject({ id: 'zürich 🚲' });
  });

  it('the headers that a dispatch hook adds, unless a record overrides them', async () => {
    client.setOnDispatchHook((packet: ReadPacket) => {
      Object.assign(packet, { metadata: { tenant: 'hook', trace: 'hook' } });
    });
    expect(await emit('literal.event', 1)).toMatchObject({
      headers: { tenant: 'hook', trace: 'hook' },
    });
    const record = new RedisPubSubRecordBuilder(1).setHeader('tenant', 'acme').build();
    expect(await firstValueFrom(client.send('headers.request', record))).toEqual([
      'acme',
      { tenant: 'acme', trace: 'hook' },
    ]);
  });

  it('the headers of a dispatch hook that later rejects, and the rejection is logged', async () => {
    client.setOnDispatchHook(traceAndReject);
    expect(await emit('literal.event', 1)).toMatchObject({ headers: { trace: 'hook' } });
    await eventually(() => log.of('error').length > 0);
    expect(log.of('error')).toEqual([
      expect.stringMatching(/^A dispatch hook failed: Error: no tracer/),
    ]);
  });

  it('only the headers whose values are text', async () => {
    const packet = { pattern: 'literal.event', data: 1, metadata: { tenant: { a: 1 }, ok: 'x' } };
    await redis.client.publish(`${PREFIX}literal.event`, JSON.stringify(packet));
    await eventually(() => seen.length > 0);
    const [received] = seen as { headers: unknown; tenant?: unknown }[];
    expect(received?.headers).toEqual({ ok: 'x' });
    expect(received?.tenant).toBeUndefined();
  });
});
