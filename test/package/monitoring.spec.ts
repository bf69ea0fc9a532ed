import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DEFINITIONS } from '../../src/prometheus/metrics.js';

const PREFIX = 'redis_pubsub_';
const FOLDER = 'docs/operations/monitoring';
/** The labels that Prometheus itself adds. */
const TARGET_LABELS = ['job', 'instance'];

/** The labels of each name that a query may have; a histogram has three names. */
const LABELS = new Map(
  DEFINITIONS.flatMap(({ type, name, labels }): [string, string[]][] => {
    const all = [...labels, ...TARGET_LABELS];
    if (type !== 'histogram') return [[PREFIX + name, all]];
    return [
      [`${PREFIX + name}_bucket`, [...all, 'le']],
      [`${PREFIX + name}_sum`, all],
      [`${PREFIX + name}_count`, all],
    ];
  }),
);

/** What is wrong with the names and the labels of a query in PromQL. */
function mistakesIn(query: string): string[] {
  const selectors = [...query.matchAll(/\b(redis_pubsub_\w+)(?:\{([^}]*)\})?/g)];
  const names = selectors.map(([, name = '']) => name);
  const unknown = names.filter((name) => !LABELS.has(name)).map((name) => `no metric ${name}`);
  if (names.length === 0) return ['no metric at all'];
  const matched = selectors.flatMap(([, name = '', matchers = '']) =>
    [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)]
      .filter(([, label = '']) => !LABELS.get(name)?.includes(label))
      .map(([, label = '']) => `no label ${label} of ${name}`),
  );
  const grouped = [...query.matchAll(/\b(?:by|without|on|ignoring) \(([^)]*)\)/g)]
    .flatMap(([, list = '']) => list.split(',').map((label) => label.trim()))
    .filter((label) => !names.every((name) => LABELS.get(name)?.includes(label)))
    .map((label) => `no label ${label} of ${names.join(' and ')}`);
  return [...unknown, ...matched, ...grouped];
}

/** The labels that a text of Grafana or Prometheus fills in. */
const filledIn = (text: string): string[] =>
  [...text.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label = '']) => label);

/** Whether a query keeps a label: it groups by it, or does not group. */
function keeps(query: string, label: string): boolean {
  const [, list] = /\bby \(([^)]*)\)/.exec(query) ?? [];
  if (list !== undefined) return list.split(',').some((it) => it.trim() === label);
  const [name = ''] = /\bredis_pubsub_\w+/.exec(query) ?? [];
  return LABELS.get(name)?.includes(label) === true;
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const { groups } = parse(readFileSync(`${FOLDER}/alerts.yml`, 'utf8')) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(readFileSync(`${FOLDER}/grafana-dashboard.json`, 'utf8')) as {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly type: string; readonly query: string }[];
  };
};
const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const PAGE = readFileSync('docs/operations/metrics.md', 'utf8');

describe('the alert rules', () => {
  it.each(rules)('$alert has metrics and labels that exist', ({ expr, labels, annotations }) => {
    expect(mistakesIn(expr)).toEqual([]);
    expect(['warning', 'critical']).toContain(labels.severity);
    const used = filledIn(annotations.summary + annotations.description);
    expect(used.filter((label) => !keeps(expr, label))).toEqual([]);
  });

  it('have one name each, and stand on the page', () => {
    const names = rules.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !PAGE.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('the dashboard', () => {
  it.each(panels)('$title has metrics and labels that exist', ({ targets = [] }) => {
    expect(targets.length).toBeGreaterThan(0);
    for (const { expr, legendFormat } of targets) {
      expect(mistakesIn(expr)).toEqual([]);
      expect(filledIn(legendFormat).filter((label) => !keeps(expr, label))).toEqual([]);
    }
  });

  it('has variables of metrics and labels that exist', () => {
    const queries = dashboard.templating.list.filter(({ type }) => type === 'query');
    expect(queries).toHaveLength(3);
    for (const { query } of queries) {
      expect(mistakesIn(query)).toEqual([]);
      const [, label = ''] = /, (\w+)\)$/.exec(query) ?? [];
      expect(keeps(query, label)).toBe(true);
    }
  });

  it('has one id for each panel, and shows every metric', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const text = JSON.stringify(dashboard);
    expect([...LABELS.keys()].filter((name) => !text.includes(name))).toEqual([]);
  });
});

describe('the page on metrics', () => {
  it('has a row for each metric, with its labels', () => {
    const rows = DEFINITIONS.map(({ name, labels }) => {
      const others = labels.filter((label) => label !== 'transport');
      const cell = others.length === 0 ? '–' : others.map((label) => `\`${label}\``).join(', ');
      return { name, isThere: new RegExp(`^\\| \`${name}\` +\\| ${cell} +\\|`, 'm').test(PAGE) };
    });
    expect(rows.filter(({ isThere }) => !isThere)).toEqual([]);
  });
});

describe('the check of queries', () => {
  it.each([
    ['redis_pubsub_conected', 'no metric redis_pubsub_conected'],
    ['redis_pubsub_connected{chanel="x"}', 'no label chanel of redis_pubsub_connected'],
    ['redis_pubsub_connected{transport=~"x", le!="1"}', 'no label le of redis_pubsub_connected'],
    ['sum by (kind) (redis_pubsub_connected)', 'no label kind of redis_pubsub_connected'],
    ['redis_pubsub_handler_duration_seconds', 'no metric redis_pubsub_handler_duration_seconds'],
    ['up', 'no metric at all'],
  ])('finds what is wrong with %s', (query, mistake) => {
    expect(mistakesIn(query)).toContain(mistake);
  });

  it('finds a label that a query does not keep', () => {
    expect(keeps('sum by (channel) (redis_pubsub_gaps_total)', 'instance')).toBe(false);
    expect(keeps('redis_pubsub_gaps_total', 'reason')).toBe(false);
    expect(keeps('redis_pubsub_gaps_total', 'channel')).toBe(true);
  });
});
