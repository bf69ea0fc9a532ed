import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { finalize, firstValueFrom, repeat, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  ClosedError,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
} from 'nestjs-redis-pubsub';
import { createClient } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import {
  connections,
  createHttpApp,
  startContext,
  startHttpApp,
  startMicroservice,
} from './apps.js';

/** A promise, and the function that resolves it. */
function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

@Injectable()
class Store implements OnModuleDestroy {
  isOpen = true;

  onModuleDestroy(): void {
    this.isOpen = false;
  }
}

let running = gate();
let release = gate();
let wasStoreOpen: boolean[] = [];

function reset(): void {
  running = gate();
  release = gate();
  wasStoreOpen = [];
}

@Injectable()
class Handlers {
  constructor(private readonly store: Store) {}

  @EventPattern<string>('drain.event')
  async on() {
    running.open();
    await release.opened;
    wasStoreOpen.push(this.store.isOpen);
  }

  @MessagePattern('drain.request')
  async get(@Payload() data: unknown) {
    running.open();
    await release.opened;
    return [data, this.store.isOpen];
  }
}

describe('closing an application', () => {
  const redis = useRedis();

  const metadata = (options: { shutdownTimeout?: number } = {}) => ({
    imports: [RedisPubSubModule.forRoot({ connection: redis.url, ...options })],
    providers: [Handlers, Store],
  });

  it.each([
    ['an HTTP application', async () => (await startHttpApp(metadata())).app],
    ['an application context', async () => (await startContext(metadata())).app],
    [
      'a hybrid application',
      async () => {
        const { app } = await createHttpApp(metadata());
        app.connectMicroservice({ strategy: app.get(RedisPubSubServer) });
        await app.startAllMicroservices();
        await app.listen(0);
        return app;
      },
    ],
    [
      'a microservice',
      async () => {
        const { app } = await startMicroservice(metadata(), {
          inject: [RedisPubSubServer],
          useFactory: (strategy: RedisPubSubServer) => ({ strategy }),
        });
        return app;
      },
    ],
  ])('%s waits for a running handler before Nest destroys its providers', async (_, start) => {
    reset();
    const app = await start();
    await redis.client.publish('drain.event', '1');
    await running.opened;
    const closed = app.close();
    await redis.subscribers('drain.event', 0);
    release.open();
    await closed;
    expect(wasStoreOpen).toEqual([true]);
    await eventually(async () => (await connections(redis)) === 0);
  });

  it('sends the reply to a request whose handler still runs', async () => {
    reset();
    const { app } = await startHttpApp(metadata());
    const client = createClient({ connection: redis.url });
    const reply = firstValueFrom(client.send('drain.request', 'x'));
    await running.opened;
    const closed = app.close();
    await redis.subscribers('drain.request', 0);
    release.open();
    expect(await reply).toEqual(['x', true]);
    await closed;
  });

  it('waits for a handler of service.subscribe', async () => {
    reset();
    const { app } = await startContext(metadata());
    const store = app.get(Store);
    await app.get(RedisPubSubService).subscribe('drain.service', async () => {
      running.open();
      await release.opened;
      wasStoreOpen.push(store.isOpen);
    });
    await redis.client.publish('drain.service', '1');
    await running.opened;
    const closed = app.close();
    await redis.subscribers('drain.service', 0);
    release.open();
    await closed;
    expect(wasStoreOpen).toEqual([true]);
  });

  it('stops waiting for a handler after shutdownTimeout, and logs a warning', async () => {
    reset();
    const { app, log } = await startContext(metadata({ shutdownTimeout: 50 }));
    await redis.client.publish('drain.event', '1');
    await running.opened;
    await app.close();
    expect(log.of('warn')).toContainEqual(
      expect.stringMatching(/^Closed with 1 handlers still running after \d+ ms/),
    );
    release.open();
  });

  it('runs no handler after the close', async () => {
    const received: unknown[] = [];
    @Injectable()
    class Listener {
      @EventPattern('after.close')
      on(@Payload() data: unknown) {
        received.push(data);
      }
    }
    const start = () =>
      startContext({
        imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
        providers: [Listener],
      });
    const { app } = await start();
    await app.get(RedisPubSubService).subscribe('after.close', (it) => received.push(it.data));
    await redis.client.publish('after.close', '1');
    await eventually(() => received.length === 2);
    await app.close();
    expect(await redis.client.publish('after.close', '2')).toBe(0);
    await start();
    expect(await redis.client.publish('after.close', '3')).toBe(1);
    await eventually(() => received.length >= 3);
    expect(received).toEqual([1, 1, 3]);
  });

  it('completes every observer, also one that subscribes after the close', async () => {
    const { app } = await startContext(metadata());
    const service = app.get(RedisPubSubService);
    const done: string[] = [];
    service.observe('close.a').subscribe({ complete: () => done.push('a') });
    service.observe('close.a').subscribe({ complete: () => done.push('a again') });
    service.observePattern('close.*').subscribe({ complete: () => done.push('pattern') });
    await redis.subscribers('close.a', 1);
    await app.close();
    expect(done).toEqual(['a', 'a again', 'pattern']);
    service.observe('close.late').subscribe({ complete: () => done.push('late') });
    await eventually(() => done.includes('late'));
  });

  it('completes the other observers and logs an error if the teardown of one throws', async () => {
    const { app, log } = await startContext(metadata());
    const service = app.get(RedisPubSubService);
    const done: string[] = [];
    const throwing = finalize(() => {
      throw new Error('torn');
    });
    service.observe('close.a').pipe(throwing).subscribe();
    service.observe('close.b').subscribe({ complete: () => done.push('b') });
    await redis.subscribers('close.b', 1);
    await app.close();
    expect(done).toEqual(['b']);
    expect(log.of('error').join()).toMatch(/observer of "close.a".*torn/s);
    await eventually(async () => (await connections(redis)) === 0);
  });

  it('does not loop if an observer subscribes again on each completion', async () => {
    const { app } = await startContext(metadata());
    const failures: unknown[] = [];
    let ends = 0;
    const observed$ = app.get(RedisPubSubService).observe('close.again');
    const subscription = observed$
      .pipe(tap({ complete: () => ends++ }), repeat())
      .subscribe({ error: (error) => failures.push(error) });
    await redis.subscribers('close.again', 1);
    await app.close();
    await eventually(() => ends > 2);
    subscription.unsubscribe();
    expect(failures).toEqual([]);
  });

  it('rejects later calls of the service with ClosedError, and opens no connection', async () => {
    const { app } = await startContext(metadata());
    const service = app.get(RedisPubSubService);
    await app.close();
    await expect(service.publish('close.publish', 1)).rejects.toThrow(ClosedError);
    await expect(service.channels()).rejects.toThrow(ClosedError);
    await expect(service.subscriberCounts('close.a')).rejects.toThrow(ClosedError);
    await expect(service.patternCount()).rejects.toThrow(ClosedError);
    await eventually(async () => (await connections(redis)) === 0);
  });

  it('rejects a later subscribe with ClosedError', async () => {
    const { app } = await startContext(metadata());
    const service = app.get(RedisPubSubService);
    await app.close();
    const subscribed = service.subscribe('close.subscribe', () => undefined);
    await expect(subscribed).rejects.toThrow(ClosedError);
  });

  it('rejects a later event of the module’s client, and opens no connection', async () => {
    const { app } = await startContext(metadata());
    const client = app.get(RedisPubSubClient);
    await app.close();
    await expect(firstValueFrom(client.emit('close.emit', 1))).rejects.toThrow('closed');
    await eventually(async () => (await connections(redis)) === 0);
  });

  it('has no further effect when it is called again or concurrently', async () => {
    const { app } = await startHttpApp(metadata());
    await Promise.all([app.close(), app.close()]);
    await app.close();
    await eventually(async () => (await connections(redis)) === 0);
    expect(await redis.client.pubsub('CHANNELS')).toEqual([]);
  });

  it('resolves while Redis is down', async () => {
    const { app } = await startHttpApp(metadata());
    const statuses: string[] = [];
    app.get(RedisPubSubServer).status.subscribe((status) => statuses.push(status));
    await redis.stop();
    await eventually(() => statuses.at(-1) === 'reconnecting');
    await app.close();
    expect(statuses.at(-1)).toBe('disconnected');
    await redis.start();
  });
});
