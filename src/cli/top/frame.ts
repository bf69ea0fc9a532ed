import { fit, safeText } from './cell.js';
import { linesOf, type Table } from './table.js';

/** What the user has chosen to see. */
export interface View {
  /** The index of the table. */
  readonly table: number;
  /** The first row that is shown. */
  readonly scroll: number;
  /** Only rows with this text are shown. */
  readonly filter: string;
  /** Whether what is typed goes into the filter. */
  readonly isTyping: boolean;
}

/** The size of a terminal. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What is drawn at one moment. */
export interface Content {
  /** Where the data is from, and whether it is up to date. */
  readonly heading: string;
  readonly summary: string;
  readonly tables: readonly Table[];
}

const BOLD = '\x1b[1m';
const INVERSE = '\x1b[7m';
const PLAIN = '\x1b[0m';
/** The heading, the summary, the tabs, the head of the table and the keys. */
const OTHER_LINES = 5;
const KEYS = 'q quit   ←→ table   ↑↓ scroll   / filter';

/** The rows of a table that the user has chosen. */
export function filtered(table: Table, filter: string): Table {
  const wanted = filter.toLowerCase();
  if (wanted === '') return table;
  const rows = table.rows.filter((row) => row.some((cell) => cell.toLowerCase().includes(wanted)));
  return { ...table, rows, empty: `Nothing has "${filter}".` };
}

/** How far a table can be scrolled. */
export function maxScroll(table: Table | undefined, { rows }: Size): number {
  return Math.max(0, (table?.rows.length ?? 0) - Math.max(1, rows - OTHER_LINES));
}

/** The lines of the screen: no more than it has, and none wider. */
export function frameOf(content: Content, view: View, size: Size, hasColours: boolean): string[] {
  const { columns, rows } = size;
  const style = (code: string, text: string): string =>
    hasColours ? `${code}${text}${PLAIN}` : text;
  const table = content.tables[view.table];
  const chosen = table && filtered(table, view.filter);
  const [head = '', ...body] = chosen ? linesOf(chosen, columns) : [];
  const shown = body.slice(view.scroll, view.scroll + Math.max(0, rows - OTHER_LINES));
  const empty = chosen && body.length === 0 ? [fit(safeText(chosen.empty), columns).trimEnd()] : [];
  const line = (text: string): string => fit(safeText(text), columns).trimEnd();
  const above = [
    style(BOLD, line(content.heading)),
    line(content.summary),
    line(tabsOf(content.tables, view.table)),
    style(INVERSE, fit(head, columns)),
    ...empty,
    ...shown,
  ];
  const blank = Array.from({ length: Math.max(0, rows - 1 - above.length) }, () => '');
  const isFiltered = view.isTyping || view.filter !== '';
  return [
    ...above.slice(0, Math.max(0, rows - 1)),
    ...blank,
    line(isFiltered ? `/${view.filter}   (Esc clears)` : KEYS),
  ];
}

function tabsOf(tables: readonly Table[], chosen: number): string {
  return tables.map(({ title }, i) => (i === chosen ? `[${title}]` : ` ${title} `)).join(' ');
}

/** All tables below each other, for a file or a pipe. */
export function reportOf({ summary, tables }: Content, columns: number): string[] {
  return [
    safeText(summary),
    ...tables.flatMap((table) => [
      '',
      safeText(table.title),
      ...(table.rows.length === 0 ? [table.empty] : linesOf(table, columns)),
    ]),
  ];
}
