import {
  Catch,
  Controller,
  UseFilters,
  type ExceptionFilter,
  type ModuleMetadata,
} from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { type } from 'arktype';
import { IsDate, IsString } from 'class-validator';
import { Type } from 'class-transformer';
import { firstValueFrom, throwError } from 'rxjs';
import * as v from 'valibot';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineEvents,
  dto,
  InvalidOptionError,
  MessageHeader,
  On,
  PayloadError,
  RedisPubSubRecordBuilder,
  type EventContract,
  type EventSchemas,
  type ParamsOf,
  type RedisPubSubContext,
} from 'nestjs-redis-pubsub';
import { eventually, useRedis } from '../../support/redis.js';
import { failureOf } from '../module/apps.js';
import { FORMS, startWith } from '../module/handler-forms.js';

class UserDto {
  @IsString()
  name!: string;

  @IsDate()
  @Type(() => Date)
  at!: Date;
}

const AT = '2026-05-04T10:20:30.000Z';
const VALID = { name: 'Ada', at: AT };
const INVALID = { name: 7, at: AT };
const toDate = (text: string): Date => new Date(text);

/** The same data in every library. Each makes a date of the text. */
const LIBRARIES = [
  {
    library: 'zod',
    schema: z.object({ name: z.string(), at: z.iso.datetime().transform(toDate) }),
  },
  {
    library: 'valibot',
    schema: v.object({ name: v.string(), at: v.pipe(v.string(), v.transform(toDate)) }),
  },
  {
    library: 'valibot, asynchronous',
    schema: v.objectAsync({
      name: v.string(),
      at: v.pipeAsync(
        v.string(),
        v.transformAsync(async (text) => toDate(text)),
      ),
    }),
  },
  { library: 'arktype', schema: type({ name: 'string', at: 'string.date.parse' }) },
  { library: 'class-validator', schema: dto(UserDto) },
];

let seen: unknown[] = [];

/** A class with a handler for `user.:id.created` and one for `user.removed`. */
function handlersOf(contract: EventContract<EventSchemas>, decorate: ClassDecorator) {
  class UserEvents {
    @On(contract, 'user.:id.created')
    onCreated(user: unknown, params: ParamsOf<string>, context: RedisPubSubContext) {
      seen.push([user, params, context.getChannel()]);
    }

    @On(contract, 'user.removed', { concurrency: 1 })
    onRemoved(user: unknown) {
      seen.push(user);
    }
  }
  decorate(UserEvents);
  return UserEvents;
}

describe.each(FORMS)('handlers of a contract in $kind', ({ kind, Handles }) => {
  const redis = useRedis();
  const startHandlers = (contract: EventContract<EventSchemas>) => {
    const metadata: ModuleMetadata = { [kind]: [handlersOf(contract, Handles())] };
    return startWith(redis, metadata);
  };

  beforeEach(() => {
    seen = [];
  });

  describe.each(LIBRARIES)('with $library', ({ schema }) => {
    const events = defineEvents({ 'user.:id.created': schema, 'user.removed': schema });

    it('receive what the schema returns, the parameters and the context', async () => {
      const { client } = await startHandlers(events as never);
      await firstValueFrom(events.client(client).emit(['user.:id.created', { id: 7 }], VALID));
      await firstValueFrom(events.client(client).emit('user.removed', VALID));
      await eventually(() => seen.length === 2);
      const user = { name: 'Ada', at: new Date(AT) };
      expect(seen[0]).toMatchObject([user, { id: '7' }, 'user.7.created']);
      expect(seen[1]).toMatchObject(user);
    });

    it('receive no invalid message, which is a warning without the value', async () => {
      const { client, log } = await startHandlers(events as never);
      await firstValueFrom(client.emit('user.7.created', { name: { secret: 's3cret' }, at: AT }));
      await firstValueFrom(client.emit('user.removed', 's3cret'));
      await firstValueFrom(client.emit('user.removed', VALID));
      await eventually(() => seen.length > 0 && log.of('warn').length === 2);
      expect(seen).toHaveLength(1);
      expect(log.of('error')).toEqual([]);
      expect(log.of('warn').toSorted()[1]).toMatch(
        /^The handler of "user\.removed" failed on "user\.removed": BadRequestException: /,
      );
      expect(log.of('warn').join('\n')).toMatch(
        /"user\.:id\.created" failed on "user\.7\.created": BadRequestException: name: /,
      );
      expect(log.of('warn').join('\n')).not.toContain('s3cret');
    });

    it('send nothing that the schema refuses', async () => {
      const { client } = await startHandlers(events as never);
      const typed = events.client(client);
      const error = await failureOf(
        firstValueFrom(typed.emit(['user.:id.created', { id: 7 }], INVALID as never)),
      );
      expect(error).toBeInstanceOf(PayloadError);
      expect(error.message).toMatch(
        /^The data for "user\.7\.created" does not match its contract: name: /,
      );
      await firstValueFrom(typed.emit('user.removed', VALID));
      await eventually(() => seen.length > 0);
      expect(seen).toMatchObject([{ name: 'Ada' }]);
    });
  });

  it('handle what is not validated with "validate: false", and send it', async () => {
    const events = defineEvents(
      { 'user.:id.created': z.string(), 'user.removed': z.string() },
      { validate: false },
    );
    const { client } = await startHandlers(events as never);
    await firstValueFrom(events.client(client).emit('user.removed', 5 as never));
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([5]);
  });

  it('validate at the receiver alone with "validate: in"', async () => {
    const events = defineEvents(
      { 'user.:id.created': z.string(), 'user.removed': z.string() },
      { validate: 'in' },
    );
    const { client, log } = await startHandlers(events as never);
    await firstValueFrom(events.client(client).emit('user.removed', 5 as never));
    await firstValueFrom(events.client(client).emit('user.removed', 'Ada'));
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['Ada']);
    expect(log.of('warn')).toEqual([
      'The handler of "user.removed" failed on "user.removed": BadRequestException: Invalid input: expected string, received number',
    ]);
  });
});

const events = defineEvents({ 'order.:id.paid': z.object({ total: z.number() }) });
const on = (name: string) => On(events, name as 'order.:id.paid');

describe('a method of a contract', () => {
  const redis = useRedis();
  beforeEach(() => {
    seen = [];
  });

  it('validates the message also if it has no parameter, and takes further decorators', async () => {
    @Controller()
    class Orders {
      @On(events, 'order.:id.paid')
      none() {
        seen.push('none');
      }

      @On(events, 'order.:id.paid')
      withHeader(
        order: { total: number },
        { id }: { id: string },
        context: RedisPubSubContext,
        @MessageHeader('tenant') tenant: never,
      ) {
        seen.push([order, id, context.getPattern(), tenant]);
      }

      @On(events, 'order.:id.paid')
      withDefault(_order: { total: number }, params: { id: string } = { id: 'default' }) {
        seen.push(params.id);
      }
    }
    const { client } = await startWith(redis, { controllers: [Orders] });
    await firstValueFrom(client.emit('order.1.paid', { total: 'x' }));
    const order = new RedisPubSubRecordBuilder({ total: 1 }).setHeader('tenant', 'acme').build();
    await firstValueFrom(events.client(client).emit(['order.:id.paid', { id: 2 }], order));
    await eventually(() => seen.length === 3);
    expect(seen).toEqual(
      expect.arrayContaining(['none', [{ total: 1 }, '2', 'order.:id.paid', 'acme'], '2']),
    );
  });

  it('uses the exceptionFactory of its contract, and its own filters', async () => {
    const own = defineEvents(
      { 'order.paid': z.number() },
      { exceptionFactory: (issues) => new Error(`refused ${issues.length}`) },
    );
    @Catch()
    class Filter implements ExceptionFilter<Error> {
      catch(error: Error) {
        seen.push(error.message);
        return throwError(() => error);
      }
    }
    @Controller()
    class Orders {
      @On(own, 'order.paid')
      @UseFilters(new Filter())
      on() {
        seen.push('called');
      }
    }
    const { client, log } = await startWith(redis, { controllers: [Orders] });
    await firstValueFrom(client.emit('order.paid', 'x'));
    await eventually(() => seen.length > 0 && log.of('error').length > 0);
    expect(seen).toEqual(['refused 1']);
    expect(log.of('error')[0]).toMatch(
      /^The handler of "order\.paid" failed on "order\.paid": Error: refused 1/,
    );
  });

  it('is an error of the handler if the schema throws', async () => {
    const broken = defineEvents(
      {
        'order.paid': z.number().transform((total) => {
          if (total > 1) throw new TypeError('out of range');
          return total;
        }),
      },
      { validate: 'in' },
    );
    @Controller()
    class Orders {
      @On(broken, 'order.paid')
      on(total: number) {
        seen.push(total);
      }
    }
    const { client, log } = await startWith(redis, { controllers: [Orders] });
    const typed = broken.client(client);
    await firstValueFrom(typed.emit('order.paid', 2));
    await firstValueFrom(typed.emit('order.paid', 1));
    await eventually(() => seen.length > 0 && log.of('error').length > 0);
    expect(seen).toEqual([1]);
    expect(log.of('error')[0]).toContain('TypeError: out of range');
  });

  it('cannot have two contracts, decorators on its first parameters, or an unknown name', () => {
    expect(() => {
      class Orders {
        @on('order.:id.payd')
        on() {}
      }
      return Orders;
    }).toThrow(
      new InvalidOptionError(
        'Unknown event of @On at Orders.on "order.:id.payd": did you mean "order.:id.paid"? There are order.:id.paid',
      ),
    );
    expect(() => {
      class Orders {
        @on('order.:id.paid')
        @on('order.:id.paid')
        on() {}
      }
      return Orders;
    }).toThrow('Expected "Orders.on" to be a method with one contract, got "two"');
    expect(() => {
      class Orders {
        @on('order.:id.paid')
        on(@Payload('total') order: { total: number }) {
          return order;
        }
      }
      return Orders;
    }).toThrow('Expected "parameter 0 of Orders.on" to be without a decorator');
    expect(() => {
      class Orders {
        @On({} as typeof events, 'order.:id.paid')
        on() {}
      }
      return Orders;
    }).toThrow('Expected "contract of Orders.on" to be what defineEvents returns, got an object');
  });
});

/** A schema whose validation ends when the test says so. */
function gatedSchema() {
  const gates: (() => void)[] = [];
  const schema = v.pipeAsync(
    v.number(),
    v.checkAsync(async () => {
      await new Promise<void>((resolve) => gates.push(resolve));
      return true;
    }),
  );
  return { schema, gates };
}

describe('the client of a contract', () => {
  const redis = useRedis();
  beforeEach(() => {
    seen = [];
  });

  it('emits in the order of the calls, also with an asynchronous schema', async () => {
    const { schema, gates } = gatedSchema();
    const events = defineEvents({ 'turn.slow': schema, 'turn.fast': z.number() });
    const sync = defineEvents({ 'turn.slow': z.number(), 'turn.fast': z.number() });
    @Controller()
    class Turns {
      @On(sync, 'turn.slow')
      slow(turn: number) {
        seen.push(turn);
      }

      @On(sync, 'turn.fast')
      fast(turn: number) {
        seen.push(turn);
      }
    }
    const { client } = await startWith(redis, { controllers: [Turns] });
    const typed = events.client(client);
    const emitted = [
      firstValueFrom(typed.emit('turn.slow', 1)),
      firstValueFrom(typed.emit('turn.slow', 2)),
      firstValueFrom(typed.emit('turn.fast', 3)),
    ];
    await eventually(() => gates.length === 2);
    gates[1]?.();
    await Promise.resolve();
    expect(seen).toEqual([]);
    gates[0]?.();
    expect(await Promise.all(emitted)).toEqual([1, 1, 1]);
    await eventually(() => seen.length === 3);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('goes on after one that the schema refuses', async () => {
    const events = defineEvents({ 'turn.on': dto(UserDto) });
    const { client } = await startWith(redis, {});
    const typed = events.client(client);
    const refused = failureOf(firstValueFrom(typed.emit('turn.on', INVALID as never)));
    const sent = firstValueFrom(typed.emit('turn.on', VALID as never));
    expect(await refused).toBeInstanceOf(PayloadError);
    expect(await sent).toBe(0);
  });

  it('logs a refused event that has no subscriber', async () => {
    const events = defineEvents({ 'order.paid': z.number() });
    const { client, log } = await startWith(redis, {});
    events.client(client).emit('order.paid', 's3cret' as never);
    await eventually(() => log.of('error').length > 0);
    expect(log.of('error')).toEqual([
      'An event was not published: The data for "order.paid" does not match its contract: Invalid input: expected number, received string',
    ]);
  });

  it('throws at once for an unknown name, and for a value that is no segment', async () => {
    const events = defineEvents({ 'user.:id.created': z.number(), 'order.paid': z.number() });
    const { client } = await startWith(redis, {});
    const typed = events.client(client);
    const emit = (channel: unknown) => () => typed.emit(channel as 'order.paid', 1);
    expect(emit('order.payd')).toThrow('Unknown channel "order.payd": did you mean "order.paid"?');
    expect(emit(undefined)).toThrow(
      'Expected "channel" to be one of those in defineEvents, got undefined',
    );
    expect(emit(['user.:id.created', { id: 'a.b' }])).toThrow(/"id" to be a value that is one seg/);
    expect(emit('user.:id.created')).toThrow(/"id" to be a value that is one segment/);
    expect(emit(['order.paid', { id: 1 }])).toThrow('Expected "id" to be a parameter of');
  });
});
