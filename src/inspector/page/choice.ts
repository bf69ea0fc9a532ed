/** What the reader has chosen. The address of the page has it, so that a reload and a link show the same. */
export interface Choice {
  readonly filter: string;
  /** The name of a module; empty for the first one. */
  readonly transport: string;
  /** The channel whose messages are shown; empty for none. */
  readonly channel: string;
  readonly kind: 'channel' | 'shard';
}

/** Reads the part of an address after `#`. */
export function parseChoice(hash: string): Choice {
  const values = new URLSearchParams(hash.replace(/^#/, ''));
  const text = (name: string): string => values.get(name) ?? '';
  const kind = text('kind') === 'shard' ? 'shard' : 'channel';
  return { filter: text('filter'), transport: text('transport'), channel: text('channel'), kind };
}

/** The part of an address after `#`, without what is not chosen. */
export function formatChoice({ kind, ...texts }: Choice): string {
  const chosen = Object.entries(texts).filter(([, value]) => value !== '');
  if (texts.channel !== '' && kind === 'shard') chosen.push(['kind', kind]);
  return String(new URLSearchParams(chosen));
}
