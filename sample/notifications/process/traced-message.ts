import { printable } from './printable.js';

/** What happened to a message or to a subscription in one process of the sample. */
export interface TracedMessage {
  readonly kind: 'sent' | 'received' | 'dropped' | 'subscribed' | 'refused' | 'unsubscribed';
  /** The name of the instance. */
  readonly instance: string;
  /** The channel of a message, or the name of a subscription. */
  readonly channel: string;
  /** The pattern of the subscription, if the message arrived by one. */
  readonly pattern?: string;
  /** The number of subscriptions that Redis delivered a sent message to; missing if it was not sent. */
  readonly receivers?: number;
  /** `channel` or `pattern` for a subscription, and the reason for a dropped message. */
  readonly detail?: string;
}

/** One line for the log. A publisher chooses the channel name, so that it is made printable. */
export function describeTrace({ instance, ...traced }: TracedMessage): string {
  return `[${instance}] ${printable(TEXTS[traced.kind](traced))}`;
}

type Text = (traced: Omit<TracedMessage, 'instance'>) => string;

const TEXTS: Readonly<Record<TracedMessage['kind'], Text>> = {
  sent: ({ channel, receivers }) => `→ ${channel} (${receivers ?? 'not'} delivered)`,
  received: ({ channel }) => `← ${channel}`,
  dropped: ({ channel, detail }) => `✗ ${channel} (${detail})`,
  subscribed: ({ channel, detail }) => `+ ${detail} ${channel}`,
  refused: ({ channel, detail }) => `✗ ${detail} ${channel}`,
  unsubscribed: ({ channel, detail }) => `- ${detail} ${channel}`,
};
