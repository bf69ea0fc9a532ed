import type { PageData, Section } from '../page-data.js';
import { ChecksView } from './checks.js';
import { formatChoice, parseChoice, type Choice } from './choice.js';
import { byId, element, KeyedList, setAttribute, setText } from './dom.js';
import { clock, count, visible } from './format.js';
import { MessagesView } from './messages.js';
import { Poller, type PollFailure } from './poller.js';
import { channelsTable, handlersTable, instancesTable, patternsTable } from './tables.js';
import { TotalsView } from './totals.js';

/** How long to wait for more letters of a filter, in milliseconds. */
const TYPING_MS = 250;

interface Notice {
  readonly key: string;
  readonly look: 'warn' | 'error';
  readonly text: string;
}

const base = location.pathname.replace(/\/$/, '');
let choice: Choice = parseChoice(location.hash);
let data: PageData | undefined;
const now = (): number => data?.time ?? Date.now();

const live = byId('live');
const pause = byId<HTMLButtonElement>('pause');
const filter = byId<HTMLInputElement>('filter');
const moduleField = byId('module-field');
const moduleSelect = byId<HTMLSelectElement>('module');

const totals = new TotalsView();
const checks = new ChecksView(now);
const instances = instancesTable(now);
const handlers = handlersTable();
const patterns = patternsTable();
let channels: ReturnType<typeof channelsTable> | undefined;

const notices = new KeyedList<Notice>(byId('notices'), {
  key: ({ key }) => key,
  create: () => element('p'),
  update: (item, { look, text }) => {
    setAttribute(item, 'class', `notice ${look}`);
    setText(item, text);
  },
});

const poller = new Poller<PageData>({ url: dataUrl, onAnswer: show, onFailure: fail }, 2000);
const messages = new MessagesView({
  url: ({ channel, kind }) =>
    `${base}/messages?${new URLSearchParams({ transport: choice.transport, channel, kind })}`,
  onChoice: ({ channel, kind }) => choose({ channel, kind }),
});

function dataUrl(): string {
  const { transport, filter: text } = choice;
  return `${base}/data?${new URLSearchParams({ transport, filter: text })}`;
}

function choose(change: Partial<Choice>): void {
  choice = { ...choice, ...change };
  const hash = formatChoice(choice);
  history.replaceState(null, '', hash === '' ? location.pathname : `#${hash}`);
}

function show(answer: PageData): void {
  const isNew = answer.time !== data?.time;
  if (!data && answer.messages) enableMessages();
  data = answer;
  poller.interval = answer.refreshInterval;
  showState('live', `Live · ${clock(answer.time)}`);
  notices.show(noticesOf(answer));
  showModules(answer);
  const { fleet } = answer;
  totals.show(fleet, isNew);
  checks.show(answer, choice.filter);
  const known = fleet.error === undefined;
  showRows(instances, 'instances', known ? fleet.instances : fleet);
  showRows(handlers, 'handlers', known ? fleet.handlers : fleet);
  channels ??= channelsTable();
  showRows(channels, 'channels', answer.channels);
  showRows(patterns, 'patterns', answer.patterns);
  showGlobs(answer.patterns);
}

function showRows<Row>(
  table: {
    show: (section: Section<{ rows: readonly Row[]; total: number }>, filter: string) => void;
  },
  name: string,
  section: Section<{ readonly rows: readonly Row[]; readonly total: number }>,
): void {
  table.show(section, choice.filter);
  setText(byId(`${name}-count`), section.error === undefined ? count(section.total) : '');
}

function showGlobs(section: PageData['patterns']): void {
  const note = byId('patterns-note');
  const globs = section.error === undefined ? section.globs : undefined;
  note.hidden = globs === undefined;
  setText(
    note,
    `All clients of the server hold ${count(globs ?? 0)} globs. Redis tries each for every message.`,
  );
}

function enableMessages(): void {
  messages.enable();
  channels = channelsTable((row) => {
    messages.open(row);
    messages.focus();
  });
  messages.open(choice);
}

function noticesOf({ connection }: PageData): Notice[] {
  if (connection === 'connected') return [];
  const text = `The application that serves this page is ${connection}. The figures may be incomplete.`;
  return [{ key: 'connection', look: 'warn', text }];
}

function showModules({ transports, transport, prefix }: PageData): void {
  moduleField.hidden = transports.length < 2;
  if (moduleSelect.options.length !== transports.length) {
    moduleSelect.replaceChildren(
      ...transports.map((name) => element('option', { value: name }, visible(name))),
    );
  }
  moduleSelect.value = transport;
  const prefixLabel = byId('prefix');
  prefixLabel.hidden = prefix === '';
  setText(prefixLabel, `prefix ${visible(prefix)}`);
}

function fail({ reason, retryMs }: PollFailure): void {
  const age = data ? ` The figures are of ${clock(data.time)}.` : '';
  const isRefused = retryMs === undefined;
  showState('lost', isRefused ? 'Refused' : 'No answer');
  const text = isRefused
    ? `The application refuses this page (${reason}).${age} Sign in again, and reload the page.`
    : `The application does not answer (${reason}).${age} Next attempt in ${Math.ceil(retryMs / 1000)} s.`;
  notices.show([{ key: 'lost', look: 'error', text }]);
}

function showState(state: 'live' | 'paused' | 'lost', text: string): void {
  setAttribute(live, 'data-state', state);
  setText(live, text);
  document.body.classList.toggle('stale', state === 'lost');
}

/** Stops the figures, so that they can be read; or goes on. */
function setPaused(isPaused: boolean): void {
  setAttribute(pause, 'aria-pressed', String(isPaused));
  if (isPaused) poller.stop();
  else poller.start();
  messages.pause(isPaused);
  if (isPaused) showState('paused', data ? `Paused · ${clock(data.time)}` : 'Paused');
}

pause.addEventListener('click', () => setPaused(poller.isOn));

let typing = 0;
filter.addEventListener('input', () => {
  clearTimeout(typing);
  typing = window.setTimeout(() => {
    choose({ filter: filter.value });
    setPaused(false);
  }, TYPING_MS);
});

moduleSelect.addEventListener('change', () => {
  totals.clear();
  choose({ transport: moduleSelect.value });
  if (data?.messages) messages.open({ channel: '', kind: 'channel' });
  setPaused(false);
});

filter.value = choice.filter;
poller.start();
