import type { WatchedChannel, WatchedEntry } from '../page-data.js';
import type { Choice } from './choice.js';
import { byId, element, KeyedList, setAttribute, setParts, setText, type Part } from './dom.js';
import { clock, count, plural, visible, visibleLines } from './format.js';
import { Poller, type PollFailure } from './poller.js';

type Channel = Pick<Choice, 'channel' | 'kind'>;

/** How the view asks, and what the reader has chosen. */
export interface MessagesOptions {
  readonly url: (channel: Channel) => string;
  readonly onChoice: (channel: Channel) => void;
}

/** How often to ask for messages, in milliseconds. */
const INTERVAL_MS = 1000;

/** The newest messages of one channel. The application observes it as long as this view asks. */
export class MessagesView {
  readonly #card = byId('messages-card');
  readonly #title = byId('messages-title');
  readonly #field = byId<HTMLInputElement>('messages-channel');
  readonly #status = byId('messages-status');
  readonly #stop = byId<HTMLButtonElement>('messages-stop');
  readonly #list = new KeyedList<WatchedEntry>(byId('messages'), {
    key: ({ key, time }) => `${time} ${key}`,
    create: () => element('li'),
    update: showEntry,
  });
  readonly #poller: Poller<WatchedChannel>;
  #channel: Channel = { channel: '', kind: 'channel' };

  constructor(private readonly options: MessagesOptions) {
    this.#poller = new Poller<WatchedChannel>(
      {
        url: () => options.url(this.#channel),
        onAnswer: (answer) => this.#show(answer),
        onFailure: (failure) => this.#fail(failure),
      },
      INTERVAL_MS,
    );
    byId('messages-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.open({ channel: this.#field.value, kind: 'channel' });
    });
    this.#stop.addEventListener('click', () => {
      this.open({ channel: '', kind: 'channel' });
      this.#field.focus();
    });
  }

  /** Shows the card; without `messages: true` there is none. */
  enable(): void {
    this.#card.hidden = false;
  }

  /** Shows the messages of a channel; of none for an empty name. */
  open(channel: Channel): void {
    this.#channel = channel;
    const isOpen = channel.channel !== '';
    this.options.onChoice(channel);
    this.#field.value = channel.channel;
    this.#stop.hidden = !isOpen;
    setText(this.#title, isOpen ? `Messages of ${visible(channel.channel)}` : 'Messages');
    setText(
      this.#status,
      isOpen ? 'Subscribing …' : 'Choose a channel. It is observed only while this page shows it.',
    );
    setAttribute(this.#status, 'class', 'note');
    this.#list.show([]);
    if (isOpen) this.#poller.start();
    else this.#poller.stop();
  }

  /** Moves the focus to the messages. */
  focus(): void {
    this.#title.focus();
    this.#card.scrollIntoView({ block: 'nearest' });
  }

  pause(isPaused: boolean): void {
    if (isPaused) this.#poller.stop();
    else if (this.#channel.channel !== '') this.#poller.start();
  }

  #show({ status, error, since, received, entries }: WatchedChannel): void {
    setText(
      this.#status,
      {
        subscribing: 'Subscribing …',
        subscribed: `${plural(received, 'message')} since ${clock(since)}; this page is one of the subscribers`,
        failed: error ?? 'Failed',
        closed: 'The application is closing',
      }[status],
    );
    setAttribute(this.#status, 'class', status === 'failed' ? 'note error' : 'note');
    this.#list.show(entries);
  }

  #fail({ reason, retryMs }: PollFailure): void {
    const next = retryMs === undefined ? '' : '; trying again';
    setText(this.#status, `No messages: ${reason}${next}`);
    setAttribute(this.#status, 'class', 'note error');
  }
}

function showEntry(item: HTMLElement, entry: WatchedEntry): void {
  setAttribute(item, 'class', entry.kind);
  setParts(item, partsOf(entry));
}

function partsOf(entry: WatchedEntry): Part[] {
  const time = { text: clock(entry.time), class: 'time' };
  if (entry.kind === 'gap') {
    return [time, { text: `A gap since ${clock(entry.from)}: messages may be missing` }];
  }
  if (entry.kind === 'lost')
    return [time, { text: `${plural(entry.count, 'message')} did not arrive` }];
  const { text, length, id } = entry;
  return [
    time,
    { text: id === undefined ? '' : visible(id), class: 'sub code' },
    { text: text === '' ? '(empty)' : visibleLines(text), class: 'code lines' },
    { text: restOf(text, length), class: 'sub' },
  ];
}

function restOf(text: string, length: number | undefined): string {
  if (length === undefined) return '… and more';
  return length > text.length ? `… ${count(length)} characters` : '';
}
