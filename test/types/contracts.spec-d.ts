import type { ClientProxy } from '@nestjs/microservices';
import { of, type Observable } from 'rxjs';
import { describe, expectTypeOf, it } from 'vitest';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import {
  contractHash,
  defineEvents,
  defineRequests,
  dto,
  MessageHeader,
  On,
  Respond,
  RedisPubSubRecord,
  type ParamsOf,
  type PayloadOf,
  type PubSubReply,
  type RedisPubSubClient,
  type RedisPubSubContext,
  type RedisPubSubService,
  type RedisRequestClient,
  type RequestClient,
  type ResponseOf,
  type ChannelValues,
} from 'nestjs-redis-pubsub';
import type { ParamNames } from '../../src/contracts/channel-types.js';

declare const client: RedisPubSubClient;
declare const proxy: ClientProxy;
declare const service: RedisPubSubService;

class UserDto {
  name!: string;
}

const at = z.iso.datetime().transform((text) => new Date(text));
const events = defineEvents({
  'user.:id.created': z.object({ name: z.string(), at }),
  'order.paid': v.object({ id: v.string() }),
  'room.:room/:seat': dto(UserDto),
  'ark.done': type({ ok: 'boolean' }),
});
const requests = defineRequests({
  'price.:sku.get': {
    request: z.object({ currency: z.string() }),
    response: z.object({ at }),
  },
});

describe('the parameters of a name', () => {
  it('are the words that fill a segment', () => {
    expectTypeOf<keyof ParamsOf<'user.:id.created'>>().toEqualTypeOf<'id'>();
    expectTypeOf<keyof ParamsOf<':a.:b/:c_1:d'>>().toEqualTypeOf<'a' | 'b' | 'c_1'>();
    expectTypeOf<keyof ParamsOf<'user::id'>>().toEqualTypeOf<'id'>();
    expectTypeOf<ParamNames<'order.paid' | 'user:id'>>().toEqualTypeOf<never>();
    expectTypeOf<ParamNames<'a.:1.:x-y.:.\\:z.b:c'>>().toEqualTypeOf<never>();
    expectTypeOf<ParamsOf<string>['any']>().toEqualTypeOf<string>();
    expectTypeOf<ParamsOf<'user.:id'>['id']>().toEqualTypeOf<string>();
    expectTypeOf<ChannelValues<'user.:id'>['id']>().toEqualTypeOf<string | number | bigint>();
  });
});

describe('the types of a contract', () => {
  it('are the output of a schema for handlers, and its input for publishers', () => {
    expectTypeOf<PayloadOf<typeof events, 'user.:id.created'>>().toEqualTypeOf<{
      name: string;
      at: Date;
    }>();
    expectTypeOf<PayloadOf<typeof events, 'room.:room/:seat'>>().toEqualTypeOf<UserDto>();
    expectTypeOf<PayloadOf<typeof events, 'ark.done'>>().toEqualTypeOf<{ ok: boolean }>();
    expectTypeOf<PayloadOf<typeof requests, 'price.:sku.get'>>().toEqualTypeOf<{
      currency: string;
    }>();
    expectTypeOf<ResponseOf<typeof requests, 'price.:sku.get'>>().toEqualTypeOf<{ at: string }>();
    expectTypeOf(contractHash(events, requests)).toEqualTypeOf<string>();
  });

  it('a client emits the names, parameters and data of its contract alone', () => {
    const typed = events.client(client);
    expectTypeOf(typed.emit('order.paid', { id: '7' })).toEqualTypeOf<Observable<number>>();
    typed.emit(['user.:id.created', { id: 7n }], { name: 'Ada', at: '' });
    typed.emit('order.paid', new RedisPubSubRecord({ id: '7' }));
    events.client(proxy).emit(['room.:room/:seat', { room: 1, seat: 'a' }], { name: 'Ada' });
    // @ts-expect-error an unknown name
    typed.emit('order.payd', { id: '7' });
    // @ts-expect-error a name with parameters needs them
    typed.emit('user.:id.created', { name: 'Ada', at: '' });
    // @ts-expect-error another parameter
    typed.emit(['user.:id.created', { name: 7 }], { name: 'Ada', at: '' });
    // @ts-expect-error a parameter is text or a number
    typed.emit(['user.:id.created', { id: {} }], { name: 'Ada', at: '' });
    // @ts-expect-error one parameter of two
    typed.emit(['room.:room/:seat', { room: 1 }], { name: 'Ada' });
    // @ts-expect-error the data of another event
    typed.emit(['user.:id.created', { id: 7 }], { id: '7' });
    // @ts-expect-error the schema takes text
    typed.emit(['user.:id.created', { id: 7 }], { name: 'Ada', at: new Date() });
    // @ts-expect-error a record with wrong data
    typed.emit('order.paid', new RedisPubSubRecord({ id: 7 }));
    // @ts-expect-error a service does not emit
    events.client(service);
  });

  it('a service publishes, and types messages and their parameters', () => {
    const typed = events.service(service);
    expectTypeOf(typed.publish('order.paid', { id: '7' })).toEqualTypeOf<Promise<number>>();
    typed.observe('user.:id.created').subscribe(({ data, params }) => {
      expectTypeOf(data).toEqualTypeOf<{ name: string; at: Date }>();
      expectTypeOf(params).toEqualTypeOf<{ readonly id: string }>();
    });
    typed.observe(['user.:id.created', { id: 7 }]).subscribe(({ data }) => {
      expectTypeOf(data.at).toEqualTypeOf<Date>();
    });
    void typed.subscribe('order.paid', ({ data }) => data.id.length);
    // @ts-expect-error an unknown name
    typed.observe('order.payd');
    // @ts-expect-error wrong data
    void typed.publish('order.paid', 5);
    // @ts-expect-error a client does not observe
    events.service(client);
  });

  it('a client of requests types data and replies', () => {
    const typed = requests.client(client);
    const get$ = typed.send(['price.:sku.get', { sku: 'tea' }], { currency: 'EUR' });
    expectTypeOf(get$).toEqualTypeOf<Observable<{ at: Date }>>();
    // @ts-expect-error wrong data
    typed.send(['price.:sku.get', { sku: 'tea' }], { currency: 5 });
  });

  it('a client of requests types the replies of all responders', () => {
    const typed: RedisRequestClient<typeof requests.schemas> = requests.client(client);
    const data = { currency: 'EUR' };
    const all$ = typed.sendAll(['price.:sku.get', { sku: 'tea' }], data, { timeout: 500, max: 2 });
    expectTypeOf(all$).toEqualTypeOf<Observable<PubSubReply<{ at: Date }>>>();
    // @ts-expect-error wrong data
    typed.sendAll(['price.:sku.get', { sku: 'tea' }], { currency: 5 });
    // @ts-expect-error an unknown name
    typed.sendAll('price.gte', data);
    // @ts-expect-error an unknown option
    typed.sendAll(['price.:sku.get', { sku: 'tea' }], data, { timeot: 5 });
    const other = requests.client(proxy);
    expectTypeOf(other).toEqualTypeOf<RequestClient<typeof requests.schemas>>();
    // @ts-expect-error other clients have no sendAll
    other.sendAll(['price.:sku.get', { sku: 'tea' }], data);
  });
});

describe('the handlers of a contract', () => {
  it('have its payload, its parameters and the context', () => {
    class Handlers {
      @On(events, 'order.paid')
      none() {}

      @On(events, 'user.:id.created', { concurrency: 8 })
      async all(
        user: PayloadOf<typeof events, 'user.:id.created'>,
        { id }: ParamsOf<'user.:id.created'>,
        context: RedisPubSubContext,
        @MessageHeader('tenant') tenant: string,
      ) {
        return [user.at.getTime(), id, context, tenant];
      }

      @On(events, 'room.:room/:seat')
      private inClass(user: UserDto) {
        return user;
      }

      // @ts-expect-error the payload has no number
      @On(events, 'order.paid')
      wrongPayload(order: { id: number }) {
        return order;
      }

      // @ts-expect-error the payload has no such field
      @On(events, 'order.paid')
      moreThanPayload(order: { id: string; total: number }) {
        return order;
      }

      // @ts-expect-error there is no such parameter
      @On(events, 'user.:id.created')
      wrongParameter(_: unknown, { name }: { name: string }) {
        return name;
      }

      // @ts-expect-error an unknown name
      @On(events, 'order.payd')
      unknownName() {}

      // @ts-expect-error `concurency` is no option
      @On(events, 'order.paid', { concurency: 1 })
      wrongOption() {}

      // @ts-expect-error a contract of requests
      @On(requests, 'price.:sku.get')
      wrongContract() {}

      use() {
        return this.inClass({ name: 'Ada' });
      }
    }
    expectTypeOf<Handlers['none']>().returns.toEqualTypeOf<void>();
  });

  it('return the replies that the contract allows', () => {
    class Handlers {
      @Respond(requests, 'price.:sku.get')
      value(_: { currency: string }, { sku }: { sku: string }) {
        return { at: sku };
      }

      @Respond(requests, 'price.:sku.get')
      async promise() {
        return { at: '' };
      }

      @Respond(requests, 'price.:sku.get')
      stream() {
        return of({ at: '' }, { at: '' });
      }

      // @ts-expect-error the schema takes text
      @Respond(requests, 'price.:sku.get')
      wrongReply() {
        return { at: new Date() };
      }

      // @ts-expect-error a reply is missing
      @Respond(requests, 'price.:sku.get')
      noReply() {}
    }
    expectTypeOf<Handlers['promise']>().returns.toEqualTypeOf<Promise<{ at: string }>>();
  });
});
