import type { Rows, Section } from '../page-data.js';
import {
  element,
  keepingFocus,
  KeyedList,
  setAttribute,
  setParts,
  setText,
  type Part,
} from './dom.js';
import { count } from './format.js';

/** A column of a table. */
export interface Column<Row> {
  readonly label: string;
  /** `number`: aligned on the right. `action`: a button, whose text is that of the first part. */
  readonly kind?: 'number' | 'action';
  readonly parts: (row: Row) => readonly Part[];
  /** What the button does. */
  readonly run?: (row: Row) => void;
}

/** What a table shows. */
export interface TableOptions<Row> {
  /** The element that the table is added to. */
  readonly target: HTMLElement;
  /** The id of the heading. */
  readonly title: string;
  readonly columns: readonly Column<Row>[];
  readonly key: (row: Row) => string;
  /** What to say when there is no row. */
  readonly empty: (filter: string) => string;
}

/** A table that is brought up to date in place. On a narrow screen each row is a block. */
export class Table<Row> {
  readonly #note = element('p', { class: 'note' });
  readonly #table: HTMLTableElement;
  readonly #list: KeyedList<Row>;
  readonly #rows = new WeakMap<HTMLElement, Row>();

  constructor(private readonly options: TableOptions<Row>) {
    const { target, title, columns, key } = options;
    const heads = columns.map(({ label, kind = 'text' }) =>
      element('th', { scope: 'col', class: kind, role: 'columnheader' }, label),
    );
    const body = element('tbody', { role: 'rowgroup' });
    // The style sheet turns rows into blocks, and some browsers drop the roles with it.
    this.#table = element(
      'table',
      { 'aria-labelledby': title, role: 'table' },
      element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...heads)),
      body,
    );
    this.#list = new KeyedList<Row>(body, {
      key,
      create: () => this.#create(),
      update: (row, item) => this.#update(row, item),
    });
    // A region that scrolls must take the focus, so that keys scroll it.
    target.tabIndex = target.classList.contains('scroll') ? 0 : -1;
    setAttribute(target, 'role', 'group');
    setAttribute(target, 'aria-labelledby', title);
    target.append(this.#note, this.#table);
  }

  /** Shows the rows, or why they are not known. */
  show(section: Section<Rows<Row>>, filter: string): void {
    keepingFocus(this.options.target, () => {
      const { rows, total } = section.error === undefined ? section : { rows: [], total: 0 };
      this.#list.show(rows);
      this.#table.hidden = rows.length === 0;
      setText(this.#note, noteOf(section, rows.length, this.options.empty(filter)));
      setAttribute(this.#note, 'class', section.error === undefined ? 'note' : 'note error');
      this.#note.hidden = rows.length > 0 && rows.length === total;
    });
  }

  #create(): HTMLElement {
    const row = element('tr', { role: 'row' });
    for (const { label, kind = 'text', run } of this.options.columns) {
      const cell = element('td', { role: 'cell', class: kind, 'data-label': label });
      row.append(cell);
      if (!run) continue;
      const button = element('button', { type: 'button' });
      button.addEventListener('click', () => {
        const item = this.#rows.get(row);
        if (item) run(item);
      });
      cell.append(button);
    }
    return row;
  }

  #update(row: HTMLElement, item: Row): void {
    this.#rows.set(row, item);
    for (const [i, { kind, parts }] of this.options.columns.entries()) {
      const cell = row.children[i];
      if (!cell) continue;
      if (kind === 'action') updateButton(cell.children[0], parts(item));
      else setParts(cell, parts(item));
    }
  }
}

function updateButton(button: Element | undefined, [part]: readonly Part[]): void {
  if (!button || !part) return;
  setText(button, part.text);
  setAttribute(button, 'aria-label', part.title);
}

function noteOf<Row>(section: Section<Rows<Row>>, shown: number, empty: string): string {
  if (section.error !== undefined) return `Not known: ${section.error}`;
  if (section.total === 0) return empty;
  return `The first ${count(shown)} of ${count(section.total)}. A filter shows others.`;
}
