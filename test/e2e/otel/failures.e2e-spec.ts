import { Injectable } from '@nestjs/common';
import { metrics, SpanStatusCode } from '@opentelemetry/api';
import { RedisPubSubRecord, Subscribe } from 'nestjs-redis-pubsub';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { recordMetrics } from '../../support/open-telemetry.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startTelemetry, startTraced } from './apps.js';

@Injectable()
class Handlers {
  @Subscribe('ok.:id')
  onOk() {
    throw new SyntaxError('not understood');
  }
}

const limited = [
  '--user',
  'limited',
  'on',
  'nopass',
  '~*',
  '+@all',
  'resetchannels',
  '&ok.*',
  '&_*',
];

describe('the traces and metrics of failures', () => {
  const redis = useRedis(limited);

  it('name the type of each error', async () => {
    const telemetry = startTelemetry();
    const seen = recordMetrics();
    closeAfterTest(async () => metrics.disable());
    const connection = { port: redis.port, username: 'limited', password: 'any' };
    const { client } = await startTraced(Handlers, { connection });
    await expect(firstValueFrom(client.emit('no.1', 1))).rejects.toMatchObject({
      code: 'ERR_PUBSUB_PUBLISH',
    });
    const [refused] = await telemetry.spans(1);
    expect(refused?.status.code).toBe(SpanStatusCode.ERROR);
    expect(refused?.attributes).toMatchObject({
      'messaging.destination.name': 'no.1',
      'error.type': 'ERR_PUBSUB_PUBLISH',
    });
    await firstValueFrom(client.emit('ok.1', new RedisPubSubRecord(1)));
    await eventually(() => seen.length === 6);
    const types = seen.map(({ attributes }) => [
      attributes['messaging.operation.name'],
      attributes['error.type'],
    ]);
    expect(types.toSorted()).toEqual(
      [
        ['publish', 'ERR_PUBSUB_PUBLISH'],
        ['publish', 'ERR_PUBSUB_PUBLISH'],
        ['publish', undefined],
        ['publish', undefined],
        ['process', 'SyntaxError'],
        ['process', 'SyntaxError'],
      ].toSorted(),
    );
  });

  it('have a span of a request whose replies cannot be subscribed', async () => {
    await redis.client.call('ACL', 'SETUSER', 'deaf', 'on', 'nopass', '~*', '+@all');
    await redis.client.call('ACL', 'SETUSER', 'deaf', 'resetchannels', '&ok.*');
    const telemetry = startTelemetry();
    const connection = { port: redis.port, username: 'deaf', password: 'any' };
    const { client } = await startTraced(undefined, { connection, probeInterval: 0 });
    const { reason } = (await firstValueFrom(client.send('ok.1', 1)).then(
      () => ({}),
      (reason: unknown) => ({ reason }),
    )) as { readonly reason: { readonly code: string } };
    expect(reason.code).toBe('ERR_PUBSUB_SUBSCRIBE');
    const [span] = await telemetry.spans(1);
    expect(span?.attributes).toMatchObject({
      'messaging.destination.name': 'ok.1',
      'error.type': 'ERR_PUBSUB_SUBSCRIBE',
    });
  });

  it('count a message whose record has no headers, also without a propagator', async () => {
    const seen = recordMetrics();
    closeAfterTest(async () => metrics.disable());
    const { client } = await startTraced(undefined, { connection: redis.url });
    await firstValueFrom(client.emit('none', new RedisPubSubRecord(1)));
    await eventually(() => seen.length > 0);
    expect(seen.map(({ instrument }) => instrument).toSorted()).toEqual([
      'messaging.client.operation.duration',
      'messaging.client.sent.messages',
    ]);
  });
});
