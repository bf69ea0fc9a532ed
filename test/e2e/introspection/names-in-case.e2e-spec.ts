import { MessagePattern } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  PubSubInspector,
  RedisPubSubClient,
  RedisPubSubService,
  Subscribe,
} from 'nestjs-redis-pubsub';
import { closeAll } from '../../support/app.js';
import { startInMemory } from '../../support/in-memory-app.js';

class Handlers {
  readonly heard: string[] = [];

  @Subscribe('User.x')
  onCapital() {
    this.heard.push('User.x');
  }

  @Subscribe('user.x')
  onSmall() {
    this.heard.push('user.x');
  }

  @MessagePattern('Price.get')
  capital() {
    return 'capital';
  }

  @MessagePattern('price.get')
  small() {
    return 'small';
  }
}

describe('names that differ in case alone', () => {
  afterEach(closeAll);

  it('are different channels for handlers, requests, counts and queries', async () => {
    const { app, recorder } = await startInMemory({ providers: [Handlers] });
    const [client, service] = [app.get(RedisPubSubClient), app.get(RedisPubSubService)];
    await service.publish('User.x', 1);
    await service.publish('user.x', 1);
    await service.publish('user.x', 1);
    expect(await service.publish('USER.X', 1)).toBe(0);
    await recorder.idle();
    expect(app.get(Handlers).heard).toEqual(['User.x', 'user.x', 'user.x']);
    expect(await firstValueFrom(client.send('Price.get', 1))).toBe('capital');
    expect(await firstValueFrom(client.send('price.get', 1))).toBe('small');

    const inspector = app.get(PubSubInspector);
    const { instances } = await inspector.stats();
    const handlers = instances.flatMap((it) => it.handlers);
    expect(new Map(handlers.map(({ pattern, received }) => [pattern, received]))).toEqual(
      new Map([
        ['User.x', 1],
        ['user.x', 2],
        ['Price.get', 1],
        ['price.get', 1],
      ]),
    );
    const { channels } = await inspector.channels();
    expect(channels.map(({ channel }) => channel).toSorted()).toEqual(
      ['Price.get', 'User.x', 'price.get', 'user.x'].toSorted(),
    );
    const { channels: unheard } = await inspector.unheard();
    expect(unheard.map(({ channel }) => channel)).toEqual(['USER.X']);
  });
});
