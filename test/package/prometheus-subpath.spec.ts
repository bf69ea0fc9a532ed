import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as prometheus from 'nestjs-redis-pubsub/prometheus';
import { parsePrometheusText } from '../support/prometheus-text.js';

const IMPORT = /(?<!['"])(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g;

/** What a built file imports, directly or through others: paths below `dist`, and packages. */
function reachedFrom(entry: string): Set<string> {
  const reached = new Set<string>([entry]);
  const ending = entry.endsWith('.d.ts') ? '.d.ts' : '.js';
  for (const file of reached) {
    if (!file.endsWith(ending)) continue;
    const text = readFileSync(join('dist', file), 'utf8');
    for (const [, name = ''] of text.matchAll(IMPORT)) {
      const target = name.startsWith('.')
        ? relative('dist', join('dist', dirname(file), name)).replace(/\.js$/, ending)
        : name;
      reached.add(target);
    }
  }
  return reached;
}

describe('the subpath "prometheus"', () => {
  it('exports exactly these', () => {
    expect(Object.keys(prometheus)).toEqual(['PubSubMetricsModule']);
    expect(readFileSync('dist/prometheus/index.d.ts', 'utf8')).toContain('PubSubMetricsOptions');
  });

  it.each(['index.js', 'index.d.ts'])('is not reached from %s of the package', (entry) => {
    const reached = [...reachedFrom(entry)];
    expect(reached.length).toBeGreaterThan(50);
    expect(reached.filter((it) => it.startsWith('prom'))).toEqual([]);
  });

  it.each(['prometheus/index.js', 'prometheus/index.d.ts'])('needs prom-client in %s', (entry) => {
    expect(reachedFrom(entry)).toContain('prom-client');
  });
});

describe('the parser of the text format', () => {
  it('reads names, labels and values', () => {
    const text = [
      '# HELP a_total what it counts',
      '# TYPE a_total counter',
      'a_total{x="1",y="a\\"b\\\\c\\nd"} 1.5',
      'a_total 2',
      '# TYPE h histogram',
      'h_bucket{le="+Inf"} +Inf',
      '',
    ].join('\n');
    expect(Object.fromEntries(parsePrometheusText(text))).toEqual({
      a_total: {
        type: 'counter',
        help: 'what it counts',
        samples: [
          { name: 'a_total', labels: { x: '1', y: 'a"b\\c\nd' }, value: 1.5 },
          { name: 'a_total', labels: {}, value: 2 },
        ],
      },
      h: {
        type: 'histogram',
        help: '',
        samples: [{ name: 'h_bucket', labels: { le: '+Inf' }, value: Infinity }],
      },
    });
  });

  it.each([
    ['a 1\n', 'A sample without a type'],
    ['# TYPE a counter\n# TYPE a gauge\n', 'A second type'],
    ['# TYPE a number\n', 'No type'],
    ['# TYPE a gauge\na 1\na 1\n', 'The same time series twice'],
    ['# TYPE a gauge\na{x="1",y="2"} 1\na{y="2",x="1"} 1\n', 'The same time series twice'],
    ['# TYPE a gauge\na{x=1} 1\n', 'Labels that are none'],
    ['# TYPE a gauge\na{x="1",x="2"} 1\n', 'Labels that are none'],
    ['# TYPE a gauge\na{x="a"b"} 1\n', 'Labels that are none'],
    ['# TYPE a gauge\na undefined\n', 'No number'],
    ['# TYPE a gauge\na-b 1\n', 'No sample'],
    ['# TYPE a gauge\na 1', 'The last line does not end'],
  ])('refuses %j', (text, message) => {
    expect(() => parsePrometheusText(text)).toThrow(message);
  });
});
