import { RpcException } from '@nestjs/microservices';
import { IsInt } from 'class-validator';
import { firstValueFrom, lastValueFrom, of, toArray } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineRequests,
  dto,
  InvalidOptionError,
  PayloadError,
  RedisPubSubRecordBuilder,
  Respond,
} from 'nestjs-redis-pubsub';
import { useRedis } from '../../support/redis.js';
import { failureOf } from '../module/apps.js';
import { FORMS, startWith } from '../module/handler-forms.js';

class PriceDto {
  @IsInt()
  cents!: number;
}

const PRICES = {
  'price.:sku.get': {
    request: z.object({ currency: z.string().toUpperCase() }),
    response: z.object({ cents: z.int(), at: z.iso.datetime() }),
  },
  'price.watch': { request: z.object({}), response: dto(PriceDto) },
} as const;
const AT = '2026-05-04T10:20:30.000Z';

let seen: unknown[] = [];
/** What the handlers return. */
let reply: unknown;

describe.each(FORMS)('requests of a contract, answered by $kind', ({ kind, Handles }) => {
  const redis = useRedis();
  const prices = defineRequests(PRICES);

  @Handles()
  class Prices {
    @Respond(prices, 'price.:sku.get')
    async get(request: { currency: string }, { sku }: { sku: string }) {
      seen.push([request, sku]);
      return reply as { cents: number; at: string };
    }

    @Respond(prices, 'price.watch')
    watch() {
      return reply as PriceDto;
    }
  }

  beforeEach(() => {
    seen = [];
    reply = { cents: 5, at: AT };
  });

  it('are validated, and so are the replies', async () => {
    const { client } = await startWith(redis, { [kind]: [Prices] });
    const typed = prices.client(client);
    const get$ = typed.send(['price.:sku.get', { sku: 'tea' }], { currency: 'eur' });
    expect(await firstValueFrom(get$)).toEqual({ cents: 5, at: AT });
    expect(seen).toEqual([[{ currency: 'EUR' }, 'tea']]);
  });

  it('may have a stream of replies, and a record with a timeout', async () => {
    const { client } = await startWith(redis, { [kind]: [Prices] });
    reply = of({ cents: 1 }, { cents: 2 });
    const record = new RedisPubSubRecordBuilder({}).setTimeout(5_000).build();
    const watch$ = prices.client(client).send('price.watch', record);
    const received = await lastValueFrom(watch$.pipe(toArray()));
    expect(received).toEqual([{ cents: 1 }, { cents: 2 }]);
    expect(received[0]).toBeInstanceOf(PriceDto);
  });

  it('collect the replies of all responders, each validated', async () => {
    const lax = defineRequests(PRICES, { validate: 'in' });
    @Handles()
    class Lax {
      @Respond(lax, 'price.watch')
      watch() {
        return of({ cents: 1 }, { cents: 's3cret' } as never, { cents: 3 });
      }
    }
    const { client } = await startWith(redis, { [kind]: [Lax] });
    const typed = prices.client(client);
    const replies = await lastValueFrom(typed.sendAll('price.watch', {}).pipe(toArray()));
    expect(replies).toEqual([
      { value: { cents: 1 } },
      { error: expect.any(PayloadError) as unknown },
      { value: { cents: 3 } },
    ]);
    expect(replies[0]).toMatchObject({ value: expect.any(PriceDto) as unknown });
    expect(String((replies[1] as { error: unknown }).error)).not.toContain('s3cret');
    const invalid$ = typed.sendAll('price.watch', 5 as never);
    expect(await failureOf(lastValueFrom(invalid$))).toBeInstanceOf(PayloadError);
    expect(() => typed.sendAll('price.watch', {}, { max: 0 })).toThrow(InvalidOptionError);
    expect(() => typed.sendAll('price.watsh' as never, {} as never)).toThrow('"price.watch"');
  });

  it('are not sent if the schema refuses them', async () => {
    const { client } = await startWith(redis, { [kind]: [Prices] });
    const invalid = { currency: 5 } as never;
    const get$ = prices.client(client).send(['price.:sku.get', { sku: 'tea' }], invalid);
    const error = await failureOf(firstValueFrom(get$));
    expect(error).toBeInstanceOf(PayloadError);
    expect(error.message).toBe(
      'The data for "price.tea.get" does not match its contract: currency: Invalid input: expected string, received number',
    );
    expect(seen).toEqual([]);
  });

  it('that arrive invalid get the reply of a ValidationPipe', async () => {
    const { client, log } = await startWith(redis, { [kind]: [Prices] });
    const error = await failureOf(firstValueFrom(client.send('price.tea.get', {})));
    expect(error).toEqual({ status: 'error', message: 'Internal server error' });
    expect(seen).toEqual([]);
    expect(log.of('warn')).toEqual([
      expect.stringMatching(
        /^The handler of "price\.:sku\.get" failed on "price\.tea\.get": BadRequestException: currency: Invalid input.*exceptionFactory/,
      ),
    ]);
  });

  it('get no reply that the schema refuses: it is an error of the handler', async () => {
    const { client, log } = await startWith(redis, { [kind]: [Prices] });
    reply = { cents: 's3cret', at: AT };
    const get$ = prices.client(client).send(['price.:sku.get', { sku: 'tea' }], { currency: '' });
    expect(await failureOf(firstValueFrom(get$))).toEqual({
      status: 'error',
      message: 'Internal server error',
    });
    expect(log.of('error')[0]).toMatch(
      /PayloadError: The reply for "price\.tea\.get" does not match its contract: cents: Invalid/,
    );
    expect(log.of('error').join('')).not.toContain('s3cret');
  });

  it('fail if another server replies with what the schema refuses', async () => {
    const lax = defineRequests(PRICES, { validate: 'in' });
    @Handles()
    class Lax {
      @Respond(lax, 'price.:sku.get')
      get() {
        return { cents: 'many' } as never;
      }
    }
    const { client } = await startWith(redis, { [kind]: [Lax] });
    const get$ = prices.client(client).send(['price.:sku.get', { sku: 'tea' }], { currency: '' });
    const error = await failureOf(firstValueFrom(get$));
    expect(error).toBeInstanceOf(PayloadError);
    expect(error.message).toMatch(/^The reply for "price\.tea\.get" does not match its contract/);
  });

  it('tell their caller the reason by an exceptionFactory', async () => {
    const telling = defineRequests(PRICES, {
      exceptionFactory: (issues) => new RpcException(issues.map(({ path }) => path)),
    });
    @Handles()
    class Telling {
      @Respond(telling, 'price.:sku.get')
      get() {
        return { cents: 1, at: AT };
      }
    }
    const { client } = await startWith(redis, { [kind]: [Telling] });
    const error = await failureOf(firstValueFrom(client.send('price.tea.get', {})));
    expect(error).toEqual([['currency']]);
  });
});

describe('defineRequests', () => {
  it('refuses a request without a schema, and the client of something else', () => {
    expect(() => defineRequests({ 'a.get': { request: z.string() } as never })).toThrow(
      new InvalidOptionError(
        'response of "a.get" in defineRequests',
        'a Standard Schema, such as that of Zod or Valibot; dto() makes one of a class',
        undefined,
      ),
    );
    expect(() => defineRequests(PRICES).client(undefined as never)).toThrow(
      'Expected "client" to be an object with the function "send", got undefined',
    );
  });
});
