import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const FOLDER = 'sample/notifications';

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, object>>;
  readonly healthcheck?: { readonly test: string | readonly unknown[] };
}

const read = (file: string) => readFileSync(join(FOLDER, file), 'utf8');
const { services, volumes } = parse(read('compose.yaml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
};
const all = Object.entries(services);
/** The processes of the sample, by the programs that they run. */
const own = all.filter(([, { image }]) => image === 'notifications-sample');

/** The variables that the sample reads. */
const SOURCES = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map(read)
  .join('\n');
const VARIABLES = new Set(
  [
    ...SOURCES.matchAll(/process\.env\.([A-Z_]+)/g),
    ...SOURCES.matchAll(/(?:Url|Count)\('([A-Z_]+)'/g),
    ...SOURCES.matchAll(/Expose\(\{ name: '([A-Z_]+)' \}\)/g),
  ].map(([, name]) => name),
);

const portOf = (name: string, variable: 'PORT' | 'MONITORING_PORT') =>
  services[name]?.environment?.[variable];

describe('compose.yaml of the sample', () => {
  it('runs each service, and two gateways', () => {
    const programs = own.map(([, { command = '' }]) => command);
    expect(programs.toSorted()).toEqual(
      ['activity', 'gateway', 'gateway', 'notifications'].map(
        (name) => `node dist-sample/notifications/${name}/main.js`,
      ),
    );
    for (const program of programs) {
      const source = program.replace(/^node dist-(.*)\.js$/, '$1.ts');
      expect(existsSync(source)).toBe(true);
    }
  });

  it.each(own)('gives %s only variables that the sample reads, as text', (_, { environment }) => {
    const entries = Object.entries(environment ?? {});
    expect(entries.filter(([name]) => !VARIABLES.has(name))).toEqual([]);
    expect(entries.filter(([, value]) => typeof value !== 'string')).toEqual([]);
  });

  it('gives the secret of sessions only to the services that know sessions', () => {
    const knowing = own.filter(([, { environment }]) => environment?.SESSION_SECRET !== undefined);
    expect(knowing.map(([name]) => name)).toEqual(['gateway-1', 'gateway-2', 'activity']);
    const [, { environment }] = knowing[0] as [string, Service];
    const [, fallback = ''] = /:-(.*)\}$/.exec(environment?.SESSION_SECRET ?? '') ?? [];
    expect(fallback.length).toBeGreaterThanOrEqual(32);
  });

  it('publishes the port of each gateway, and every port to this machine only', () => {
    for (const name of ['gateway-1', 'gateway-2']) {
      const port = portOf(name, 'PORT');
      expect(services[name]?.ports).toEqual([`127.0.0.1:${port}:${port}`]);
    }
    const ports = all.flatMap(([, service]) => service.ports ?? []);
    expect(ports.filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port))).toEqual([]);
    const published = ports.map((port) => port.split(':')[1]);
    expect(new Set(published).size).toBe(published.length);
  });

  it('mounts files that exist', () => {
    const mounted = all
      .flatMap(([, service]) => service.volumes ?? [])
      .map((volume) => volume.split(':')[0] ?? '');
    const files = mounted.filter((source) => source.startsWith('.'));
    expect(files).toHaveLength(5);
    expect(files.filter((file) => !existsSync(join(FOLDER, file)))).toEqual([]);
    const named = mounted.filter((source) => !source.startsWith('.'));
    expect(named).toEqual(Object.keys(volumes));
  });

  it('names services that exist', () => {
    const names = all.flatMap(([, service]) => Object.keys(service.depends_on ?? {}));
    expect(names.filter((name) => !services[name])).toEqual([]);
    const urls = all
      .flatMap(([, { environment }]) => Object.values(environment ?? {}))
      .filter((value) => URL.canParse(value))
      .map((value) => new URL(value));
    expect(urls.length).toBeGreaterThan(0);
    expect(urls.filter(({ hostname }) => !services[hostname])).toEqual([]);
  });

  it('sends gateways to the port of the activity service, which allows its name', () => {
    const { environment } = services['gateway-1'] as Service;
    const { hostname, port } = new URL(environment?.ACTIVITY_URL ?? '');
    expect(port).toBe(portOf(hostname, 'PORT'));
    expect(services[hostname]?.environment?.ALLOWED_HOSTS).toBe(hostname);
  });

  it('asks the monitoring port for the health of each service', () => {
    for (const [name, { healthcheck }] of own) {
      const test = healthcheck?.test as readonly unknown[];
      expect(test.filter((part) => typeof part !== 'string')).toEqual([]);
      expect(test.at(-1)).toContain(
        `fetch('http://127.0.0.1:${portOf(name, 'MONITORING_PORT')}/health/ready')`,
      );
    }
  });

  it('has Prometheus scrape every service', () => {
    const { rule_files: rules, scrape_configs: jobs } = parse(
      read('monitoring/prometheus.yml'),
    ) as {
      readonly rule_files: readonly string[];
      readonly scrape_configs: readonly {
        readonly static_configs: readonly { readonly targets: readonly string[] }[];
      }[];
    };
    const targets = jobs.flatMap((job) => job.static_configs.flatMap((it) => it.targets));
    const expected = own.map(([name]) => `${name}:${portOf(name, 'MONITORING_PORT')}`);
    expect(targets.toSorted()).toEqual(expected.toSorted());
    const mounted = services.prometheus?.volumes?.map((volume) => volume.split(':')[1]);
    expect(rules.filter((file) => !mounted?.includes(file))).toEqual([]);
  });

  it('has Grafana ask services that exist, and find the dashboard', () => {
    const { datasources } = parse(read('monitoring/grafana/datasources.yml')) as {
      readonly datasources: readonly { readonly url: string }[];
    };
    const hosts = datasources.map(({ url }) => new URL(url).hostname);
    expect(hosts.filter((host) => !services[host])).toEqual([]);
    const { providers } = parse(read('monitoring/grafana/dashboards.yml')) as {
      readonly providers: readonly { readonly options: { readonly path: string } }[];
    };
    const [{ options }] = providers as [(typeof providers)[0]];
    const targets = services.grafana?.volumes?.map((volume) => volume.split(':')[1] ?? '');
    expect(targets?.some((target) => target.startsWith(`${options.path}/`))).toBe(true);
  });

  it('builds its image from files that exist and reach the build', () => {
    const { build } = services['gateway-1'] as Service;
    expect(join(FOLDER, build?.context ?? '')).toBe('.');
    const dockerfile = readFileSync(build?.dockerfile ?? '', 'utf8');
    const copied = [...dockerfile.matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, names = '']) =>
      names.split(' '),
    );
    const kept = readFileSync(`${build?.dockerfile}.dockerignore`, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    expect(copied.toSorted()).toEqual(kept.toSorted());
    expect(copied.filter((name) => !existsSync(name))).toEqual([]);
  });
});
