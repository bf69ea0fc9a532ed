import type { FleetData, Section } from '../page-data.js';
import { byId, element, setAttribute, setText } from './dom.js';
import { count, rate, shortCount } from './format.js';

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 120;
const HEIGHT = 28;
/** How many figures a line shows. */
const LENGTH = 60;

/** A line that shows how a figure went. */
class Sparkline {
  readonly element = document.createElementNS(SVG, 'svg');
  readonly #line = document.createElementNS(SVG, 'polyline');
  #values: number[] = [];

  constructor() {
    this.element.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute('preserveAspectRatio', 'none');
    this.element.setAttribute('aria-hidden', 'true');
    this.element.append(this.#line);
  }

  push(value: number): void {
    this.#values = [...this.#values, value].slice(-LENGTH);
    const top = Math.max(1, ...this.#values);
    const first = LENGTH - this.#values.length;
    const points = this.#values.map((it, i) => {
      const x = ((first + i) * WIDTH) / (LENGTH - 1);
      return `${x.toFixed(1)},${(HEIGHT - 2 - (it / top) * (HEIGHT - 4)).toFixed(1)}`;
    });
    this.#line.setAttribute('points', points.join(' '));
  }

  clear(): void {
    this.#values = [];
    this.#line.setAttribute('points', '');
  }
}

class Tile {
  readonly #value = element('strong');
  readonly #label = element('span');
  readonly #line: Sparkline | undefined;
  readonly #element: HTMLElement;

  constructor(target: HTMLElement, label: string, hasLine = false) {
    setText(this.#label, label);
    this.#element = element('div', { class: 'tile' }, this.#label, this.#value);
    if (hasLine) {
      this.#line = new Sparkline();
      this.#element.append(this.#line.element);
    }
    target.append(this.#element);
  }

  show(
    text: string,
    { value, isAlarm = false }: { value?: number | undefined; isAlarm?: boolean } = {},
  ): void {
    setText(this.#value, text);
    setAttribute(this.#element, 'data-alarm', isAlarm ? 'true' : undefined);
    if (value !== undefined) this.#line?.push(value);
  }

  clear(): void {
    this.#line?.clear();
  }
}

/** The row of figures of the whole fleet. */
export class TotalsView {
  readonly #target = byId('totals');
  readonly #received = new Tile(this.#target, 'Received / s', true);
  readonly #published = new Tile(this.#target, 'Published / s', true);
  readonly #instances = new Tile(this.#target, 'Instances');
  readonly #waiting = new Tile(this.#target, 'Waiting');
  readonly #failed = new Tile(this.#target, 'Failed');
  readonly #lost = new Tile(this.#target, 'Lost');
  readonly #gaps = new Tile(this.#target, 'Gaps');

  /** `isNew`: these are no figures that were shown before. */
  show(fleet: Section<FleetData>, isNew: boolean): void {
    if (fleet.error !== undefined) {
      for (const tile of this.#all()) tile.show('–');
      return;
    }
    const { totals } = fleet;
    const { receivedRate, publishedRate, instances, impaired } = totals;
    const lineOf = (value: number | undefined) => ({ value: isNew ? value : undefined });
    this.#received.show(rate(receivedRate), lineOf(receivedRate));
    this.#published.show(rate(publishedRate), lineOf(publishedRate));
    this.#instances.show(count(instances), { isAlarm: impaired > 0 });
    this.#waiting.show(shortCount(totals.waiting));
    const failed = totals.failed + totals.dropped;
    this.#failed.show(shortCount(failed), { isAlarm: failed > 0 });
    this.#lost.show(shortCount(totals.lost), { isAlarm: totals.lost > 0 });
    this.#gaps.show(shortCount(totals.gaps), { isAlarm: totals.gaps > 0 });
  }

  /** Another module: the lines begin again. */
  clear(): void {
    for (const tile of this.#all()) tile.clear();
  }

  #all(): Tile[] {
    return [
      this.#received,
      this.#published,
      this.#instances,
      this.#waiting,
      this.#failed,
      this.#lost,
      this.#gaps,
    ];
  }
}
