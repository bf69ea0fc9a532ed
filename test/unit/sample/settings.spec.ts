import { afterEach, describe, expect, it, vi } from 'vitest';
import { Settings } from '../../../sample/notifications/process/settings.js';
import { readEnvironment } from '../../../sample/support/environment.js';

/** The settings with these variables, and none of the machine. */
function readWith(variables: Record<string, string>): Settings {
  vi.stubEnv('REDIS_URL', undefined);
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  return readEnvironment(Settings);
}

describe('the settings of the sample', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('have the defaults that the README names', () => {
    expect(readWith({})).toEqual({
      redisUrl: 'redis://localhost:6379',
      port: 3000,
      listenHost: '127.0.0.1',
      allowedHosts: [],
      monitoringPort: undefined,
      changeLimit: 30,
      streamLimit: 20,
      guestPrefix: '',
      activityUrl: 'http://127.0.0.1:3002',
      trace: 'on',
    });
  });

  it('read the variables', () => {
    const variables = {
      REDIS_URL: 'rediss://user:pass@redis:6380/0',
      PORT: '0',
      ALLOWED_HOSTS: ' My-Laptop.local, ,activity',
      MONITORING_PORT: '9464',
      ACTIVITY_URL: 'http://activity:3002',
      TRACE: 'off',
    };
    const settings = readWith(variables);
    expect(settings).toMatchObject({
      redisUrl: variables.REDIS_URL,
      port: 0,
      allowedHosts: ['my-laptop.local', 'activity'],
      monitoringPort: 9464,
      activityUrl: variables.ACTIVITY_URL,
      isTracing: false,
    });
  });

  it('take an empty variable for none', () => {
    expect(readWith({ REDIS_URL: '', PORT: '' })).toMatchObject({
      redisUrl: 'redis://localhost:6379',
      port: 3000,
    });
  });

  it.each([
    ['PORT', 'three', 'to be an integer ≥ 0'],
    ['MONITORING_PORT', '-1', 'to be an integer ≥ 0'],
    ['REDIS_URL', 'http://secret', 'to be a URL that begins with redis:// or rediss://'],
  ])('refuse %s=%s, without its value', (name, value, expected) => {
    expect(() => readWith({ [name]: value })).toThrow(new Error(`Expected ${name} ${expected}`));
  });
});
