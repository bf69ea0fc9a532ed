import * as common from '@nestjs/common';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ChannelParam, Subscribe } from 'nestjs-redis-pubsub';
import { eventually, useRedis } from '../../support/redis.js';
import { failureOf } from './apps.js';
import { FORMS, startWith } from './handler-forms.js';

/** Nest 11 has neither this pipe nor the option `schema`. */
const { StandardSchemaValidationPipe, UsePipes } = common;
const isNest12 = 'StandardSchemaValidationPipe' in common;

const Order = z.object({ id: z.number(), paidAt: z.coerce.date() });
const VALID = { id: 7, paidAt: '2026-05-04T10:20:30.000Z' };
const INVALID = { id: '7', paidAt: VALID.paidAt };

let seen: unknown[] = [];

describe.runIf(isNest12).each(FORMS)('handlers in $kind with a schema', ({ kind, Handles }) => {
  const redis = useRedis();
  beforeEach(() => {
    seen = [];
  });

  it('receive what the schema returns, and no invalid event, which is a warning', async () => {
    @Handles()
    @UsePipes(new StandardSchemaValidationPipe())
    class Orders {
      @Subscribe('schema.order')
      on(@Payload({ schema: Order }) order: z.infer<typeof Order>) {
        seen.push(order);
      }
    }
    const { client, log } = await startWith(redis, { [kind]: [Orders] });
    await firstValueFrom(client.emit('schema.order', INVALID));
    await firstValueFrom(client.emit('schema.order', VALID));
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([{ id: 7, paidAt: new Date(VALID.paidAt) }]);
    expect(log.of('error')).toEqual([]);
    expect(log.of('warn')).toEqual([
      expect.stringMatching(
        /"schema\.order": BadRequestException: id: Invalid input: expected num/,
      ),
    ]);
  });

  it('refuse a request with the error of the exceptionFactory', async () => {
    @Handles()
    @UsePipes(
      new StandardSchemaValidationPipe({
        exceptionFactory: (issues) => new RpcException({ fields: issues.map((it) => it.path) }),
      }),
    )
    class Orders {
      @MessagePattern('schema.get')
      get(@Payload({ schema: Order }) order: z.infer<typeof Order>) {
        return order.paidAt.getTime();
      }
    }
    const { client } = await startWith(redis, { [kind]: [Orders] });
    expect(await firstValueFrom(client.send('schema.get', VALID))).toBe(Date.parse(VALID.paidAt));
    expect(await failureOf(firstValueFrom(client.send('schema.get', INVALID)))).toEqual({
      fields: [['id']],
    });
  });

  it('check a segment of the channel only with validateCustomDecorators', async () => {
    const schema = z.coerce.number().int();
    @Handles()
    class Rooms {
      @Subscribe('schema.checked.:id')
      @UsePipes(new StandardSchemaValidationPipe({ validateCustomDecorators: true }))
      checked(@ChannelParam('id', { schema }) id: number) {
        seen.push(id);
      }

      @Subscribe('schema.unchecked.:id')
      @UsePipes(new StandardSchemaValidationPipe())
      unchecked(@ChannelParam('id', { schema }) id: number) {
        seen.push(id);
      }
    }
    const { client } = await startWith(redis, { [kind]: [Rooms] });
    await firstValueFrom(client.emit('schema.checked.x', 1));
    await firstValueFrom(client.emit('schema.checked.7', 1));
    await firstValueFrom(client.emit('schema.unchecked.x', 1));
    await eventually(() => seen.length === 2);
    expect(seen).toEqual(expect.arrayContaining([7, 'x']));
  });

  it('are not checked without the pipe', async () => {
    @Handles()
    class Orders {
      @Subscribe('schema.order')
      on(@Payload({ schema: Order }) order: z.infer<typeof Order>) {
        seen.push(order);
      }
    }
    const { client } = await startWith(redis, { [kind]: [Orders] });
    await firstValueFrom(client.emit('schema.order', INVALID));
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([INVALID]);
  });
});
