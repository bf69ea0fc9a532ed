/** A metric as Prometheus reads it. */
export interface ScrapedMetric {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

/** One time series, and its value. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const COMMENT = /^# (?<kind>HELP|TYPE) (?<name>[a-zA-Z_:][\w:]*) (?<text>.*)$/;
const SAMPLE = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>[-+.\w]+)(?: -?\d+)?$/;
const LABEL = /(?<name>[a-zA-Z_]\w*)="(?<value>(?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;
const TYPE = /^(?:counter|gauge|histogram|summary|untyped)$/;
const SUFFIXES = /_(?:bucket|sum|count)$/;

/**
 * Reads the text format 0.0.4 as strictly as Prometheus: throws for a line that is none, for a sample before the type of
 * its metric, for a type that is given twice, and for a time series that is there twice.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function parsePrometheusText(text: string): Map<string, ScrapedMetric> {
  if (!text.endsWith('\n')) throw new Error('The last line does not end');
  const metrics = new Map<string, ScrapedMetric>();
  const helps = new Map<string, string>();
  const series = new Set<string>();
  for (const line of text.split('\n').filter((it) => it !== '')) {
    const { kind, name = '', text: rest = '' } = COMMENT.exec(line)?.groups ?? {};
    if (kind === 'HELP') helps.set(name, rest);
    else if (kind === 'TYPE') metrics.set(name, createMetric(metrics, name, rest, helps.get(name)));
    else addSample(metrics, series, line);
  }
  return metrics;
}

function createMetric(
  metrics: ReadonlyMap<string, ScrapedMetric>,
  name: string,
  type: string,
  help = '',
): ScrapedMetric {
  if (metrics.has(name)) throw new Error(`A second type of ${name}`);
  if (!TYPE.test(type)) throw new Error(`No type: ${type}`);
  return { type, help, samples: [] };
}

function addSample(
  metrics: ReadonlyMap<string, ScrapedMetric>,
  series: Set<string>,
  line: string,
): void {
  const sample = parseSample(line);
  const metric = metrics.get(sample.name) ?? metrics.get(sample.name.replace(SUFFIXES, ''));
  if (!metric) throw new Error(`A sample without a type: ${line}`);
  const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).toSorted())}`;
  if (series.has(key)) throw new Error(`The same time series twice: ${line}`);
  series.add(key);
  metric.samples.push(sample);
}

function parseSample(line: string): Sample {
  const { name = '', labels = '', value = '' } = SAMPLE.exec(line)?.groups ?? {};
  if (name === '') throw new Error(`No sample: ${line}`);
  return { name, labels: parseLabels(labels, line), value: parseValue(value, line) };
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  for (let at = 0; at < text.length; at = LABEL.lastIndex) {
    const { name = '', value = '' } = LABEL.exec(text)?.groups ?? {};
    if (name === '' || name in labels) throw new Error(`Labels that are none: ${line}`);
    labels[name] = value.replaceAll(/\\(.)/g, (_, it: string) => (it === 'n' ? '\n' : it));
  }
  return labels;
}

function parseValue(text: string, line: string): number {
  if (text === '+Inf' || text === '-Inf') return Number(text.replace('Inf', 'Infinity'));
  const value = Number(text);
  if (Number.isNaN(value)) throw new Error(`No number: ${line}`);
  return value;
}
