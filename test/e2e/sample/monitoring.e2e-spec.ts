import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { drawTrace, OtlpReceiver, type ReceivedSpan } from '../../support/otlp-receiver.js';
import { parsePrometheusText } from '../../support/prometheus-text.js';
import { eventually, useRedis } from '../../support/redis.js';
import { Gateway } from './gateway.js';
import { ServiceProcess, startService } from './sample-process.js';
import { SESSION_SECRET } from './session-tokens.js';

/** What Terminus answers. */
interface Health {
  readonly status: string;
  readonly details: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

describe('the monitoring of the sample', () => {
  const redis = useRedis();
  const receiver = new OtlpReceiver();
  const services: ServiceProcess[] = [];
  let gateway: Gateway;

  const start = async (...[service, env]: ConstructorParameters<typeof ServiceProcess>) => {
    const started = new ServiceProcess(service, {
      REDIS_URL: redis.url,
      SESSION_SECRET,
      MONITORING_PORT: '0',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_BSP_SCHEDULE_DELAY: '10',
      ...env,
    });
    services.push(started);
    return started.url();
  };

  beforeAll(async () => {
    await receiver.start();
    const [activity] = await Promise.all([start('activity', {}), start('notifications', {})]);
    gateway = new Gateway(await start('gateway', { ACTIVITY_URL: activity }));
  });
  afterAll(async () => {
    await Promise.all(services.map((service) => service.stop()));
    await receiver.stop();
  });

  const urls = () => Promise.all(services.map((service) => service.monitoringUrl()));

  /** The health of each service, with the status code of the answer. */
  const readHealth = async () => {
    const answers = (await urls()).map(async (url) => {
      const response = await fetch(`${url}/health/ready`);
      const { details } = (await response.json()) as Health;
      const { connection, ...rest } = details['redis-pubsub'] ?? {};
      return { code: response.status, connection, ...rest };
    });
    return Promise.all(answers);
  };

  const every = (expected: object) =>
    services.map(() => expect.objectContaining(expected) as object);

  /** The counts of a metric of the service of notifications, by the pattern or the channel. */
  const readMetric = async (name: string, label: string) => {
    const [, url] = await urls();
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain');
    const { samples } = parsePrometheusText(await response.text()).get(`redis_pubsub_${name}`) ?? {
      samples: [],
    };
    return new Map(
      samples.map(({ labels, value }) => [`${labels[label]} ${labels.status}`, value]),
    );
  };

  it('has the messages of a service in its metrics, from the first one on', async () => {
    expect((await readMetric('messages_handled_total', 'pattern')).get('post.:action ok')).toBe(0);
    expect((await gateway.user().like('p1')).status).toBe(200);
    const handled = eventually(async () => {
      const counts = await readMetric('messages_handled_total', 'pattern');
      return counts.get('post.:action ok') === 1;
    });
    await expect(handled).resolves.toBeUndefined();
  });

  it('has one trace from a request through the proxy and the event to the notification', async () => {
    const known = new Set(receiver.spans.map(({ traceId }) => traceId));
    await gateway.user().comment('p1', 'Traced');
    // The spans of earlier requests may still be on their way.
    const isPost = ({ name, traceId }: ReceivedSpan): boolean =>
      name === 'HTTP POST' && !known.has(traceId);
    const fresh = () => {
      const post = receiver.spans.find(isPost);
      return receiver.spans.filter(({ traceId }) => traceId === post?.traceId);
    };
    await eventually(() => fresh().length === 5);
    expect(drawTrace(fresh())).toEqual([
      'HTTP POST (gateway, server)',
      '  HTTP POST (activity, server)',
      '    publish (activity, producer)',
      '      process post.:action (notifications, consumer)',
      '        publish (notifications, producer)',
    ]);
  });

  it('takes no trace from a browser', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    const known = receiver.spans.length;
    await fetch(`${gateway.url}/api/people`, { headers });
    await eventually(() => receiver.spans.length > known);
    expect(receiver.spans.filter((span) => span.traceId === traceId)).toEqual([]);
  });

  it('is ready while Redis is there, and impaired in an outage that is short', async () => {
    const up = { code: 200, status: 'up', connection: 'connected' };
    const impaired = { code: 200, status: 'up', connection: 'reconnecting', impaired: true };
    expect(await readHealth()).toEqual(every(up));
    await redis.stop();
    await eventually(async () =>
      (await readHealth()).every(({ connection }) => connection !== 'connected'),
    );
    expect(await readHealth()).toEqual(every(impaired));
    await redis.start();
    await eventually(async () =>
      (await readHealth()).every(({ connection }) => connection === 'connected'),
    );
    expect(await readHealth()).toEqual(every(up));
  });

  it('serves neither on the port of the public', async () => {
    const paths = ['/metrics', '/health/ready', '/api/metrics', '/api/health/ready'];
    const answers = await Promise.all(paths.map((path) => fetch(gateway.url + path)));
    expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 404));
  });

  it('is off unless it is switched on', async () => {
    const service = await startService('gateway', { REDIS_URL: redis.url, SESSION_SECRET });
    expect(await service.monitoringUrl()).toBeUndefined();
  });
});
