import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

const FONT = 'system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif';
const INK = '#0f172a';
const FAINT_INK = '#475569';

/** The style of all charts: a light background, and text that is readable on a page 800 pixels wide. */
const STYLE = {
  font: FONT,
  background: '#ffffff',
  padding: 16,
  view: { stroke: null },
  title: {
    anchor: 'start',
    frame: 'bounds',
    fontSize: 18,
    fontWeight: 600,
    color: INK,
    offset: 14,
  },
  axis: {
    labelFontSize: 13,
    labelColor: INK,
    titleFontSize: 13,
    titleFontWeight: 'normal',
    titleColor: FAINT_INK,
    titlePadding: 10,
    grid: true,
    gridColor: '#e2e8f0',
    domain: false,
    ticks: false,
    labelPadding: 8,
  },
  legend: {
    orient: 'none',
    title: null,
    labelFontSize: 13,
    labelLimit: 0,
    labelColor: INK,
    columns: 4,
    columnPadding: 0,
    symbolType: 'square',
    symbolSize: 140,
    symbolOpacity: 1,
    symbolStrokeWidth: 0,
  },
} as const;

/** The position of a legend above a chart whose labels take the given width on the left. */
export function legendAbove(labels: number): { legendX: number; legendY: number } {
  return { legendX: -labels, legendY: -32 };
}

/** Renders a chart as SVG. */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const { spec: compiled } = compile({ ...spec, config: STYLE });
  const view = new View(parse(compiled), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
