import type { BarChartName } from '../harness/result.js';
import { BAR_CHARTS, barChart } from './bar-chart.js';
import { lineChart } from './line-chart.js';
import type { Report } from './report.js';
import { renderSvg } from './svg.js';

/** A chart and its file name without the extension. */
export interface Chart {
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

/** Renders all charts of a report. */
export async function chartsOf(report: Report): Promise<Chart[]> {
  const bars = Object.keys(BAR_CHARTS) as BarChartName[];
  return [
    ...(await Promise.all(bars.map((name) => barChartOf(report, name)))).flat(),
    ...(await Promise.all(report.measures.map(lineChartOf))).flat(),
  ];
}

async function barChartOf({ measures }: Report, name: BarChartName): Promise<Chart[]> {
  const rows = measures.flatMap((measure) => measure.rows).filter(({ bar }) => bar?.chart === name);
  if (rows.length === 0) return [];
  const titles = BAR_CHARTS[name];
  return [{ name, title: titles.title, svg: await renderSvg(barChart(titles, rows)) }];
}

async function lineChartOf({ name, series }: Report['measures'][number]): Promise<Chart[]> {
  return series ? [{ name, title: series.title, svg: await renderSvg(lineChart(series)) }] : [];
}
