import type { Drift } from '../../introspection/inspector-types.js';
import type { FleetData, PageData, Section } from '../page-data.js';
import { byId, element, KeyedList, setAttribute, setParts, setText } from './dom.js';
import { plural, visible, visibleLines } from './format.js';
import { unheardTable } from './tables.js';

/** One thing that the page looks after. */
interface Check {
  readonly key: string;
  readonly state: 'good' | 'warn' | 'unknown';
  readonly text: string;
}

/** What is not as it should be: instances, channels that no subscriber hears, instances that differ. */
export class ChecksView {
  readonly #list = new KeyedList<Check>(byId('checks'), {
    key: ({ key }) => key,
    create: () => element('li'),
    update: (item, { state, text }) => {
      setAttribute(item, 'data-state', state);
      setText(item, text);
    },
  });
  readonly #drift = new KeyedList<Drift>(byId('drift'), {
    key: ({ name, subject }) => JSON.stringify([name, subject]),
    create: () => element('div', { class: 'drift' }),
    update: showDrift,
  });
  readonly #unheard;

  /** `now` is the time of the figures. */
  constructor(now: () => number) {
    this.#unheard = unheardTable(now);
  }

  show({ fleet, unheard, drift }: PageData, filter: string): void {
    this.#list.show([connections(fleet), answers(fleet), heard(unheard), same(drift)]);
    // The list says what is not known.
    const rows = unheard.error === undefined ? unheard : { rows: [], total: 0 };
    this.#unheard.show(rows, filter);
    byId('unheard').hidden = rows.total === 0;
    this.#drift.show(drift.error === undefined ? drift.rows : []);
  }
}

const unknown = (key: string, what: string, reason: string): Check => ({
  key,
  state: 'unknown',
  text: `${what}: not known (${reason})`,
});

function connections(fleet: Section<FleetData>): Check {
  const key = 'connections';
  if (fleet.error !== undefined) return unknown(key, 'Connections', fleet.error);
  const { impaired, instances } = fleet.totals;
  if (impaired === 0) return { key, state: 'good', text: 'All instances are connected' };
  const text = `${impaired} of ${plural(instances, 'instance')} ${impaired === 1 ? 'is' : 'are'} not connected`;
  return { key, state: 'warn', text };
}

function answers(fleet: Section<FleetData>): Check {
  const key = 'answers';
  if (fleet.error !== undefined) return unknown(key, 'Answers', fleet.error);
  const { missing, silent = 0 } = fleet;
  if (missing.length > 0) {
    const names = missing.slice(0, 5).map(({ name, id }) => `${visible(name)} (${visible(id)})`);
    const more = missing.length > names.length ? ' …' : '';
    const text = `${plural(missing.length, 'instance')} answered before, and not now: ${names.join(', ')}${more}`;
    return { key, state: 'warn', text };
  }
  if (silent > 0)
    return { key, state: 'warn', text: `${plural(silent, 'instance')} did not answer` };
  return { key, state: 'good', text: 'All instances have answered' };
}

function heard(unheard: PageData['unheard']): Check {
  const key = 'heard';
  if (unheard.error !== undefined) return unknown(key, 'Unheard channels', unheard.error);
  const { total, hasMore } = unheard;
  if (total === 0) {
    return { key, state: 'good', text: 'Messages of the last minute had subscribers' };
  }
  const text = `${hasMore ? 'More than ' : ''}${plural(total, 'channel')} without a subscriber had messages in the last minute`;
  return { key, state: 'warn', text };
}

function same(drift: PageData['drift']): Check {
  const key = 'same';
  if (drift.error !== undefined) return unknown(key, 'Differences', drift.error);
  if (drift.total === 0 && drift.notCompared > 0) {
    const text = `Differences: not known of ${plural(drift.notCompared, 'instance')} without a name of their own`;
    return { key, state: 'unknown', text };
  }
  if (drift.total === 0) {
    return { key, state: 'good', text: 'The instances of each service are the same' };
  }
  const text = `${plural(drift.total, 'difference')} between instances of one service`;
  return { key, state: 'warn', text };
}

function showDrift(target: HTMLElement, { name, subject, variants }: Drift): void {
  const heading = target.querySelector('h3') ?? target.appendChild(element('h3'));
  setText(heading, `${visible(name)}: ${subject}`);
  const list = target.querySelector('ul') ?? target.appendChild(element('ul'));
  while (list.children.length > variants.length) list.lastElementChild?.remove();
  for (const [i, { value, instances }] of variants.entries()) {
    const item = list.children[i] ?? list.appendChild(element('li'));
    setParts(item, [
      { text: value === '' ? '(none)' : visibleLines(value), class: 'code lines' },
      {
        text: `${plural(instances.length, 'instance')}: ${visible(instances.join(', '))}`,
        class: 'sub',
      },
    ]);
  }
}
