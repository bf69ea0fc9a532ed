import { describe, expect, it } from 'vitest';
import { parsePrometheusText } from '../support/prometheus-text.js';

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
