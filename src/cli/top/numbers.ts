/** A count in at most five characters. */
export function countText(count: number): string {
  if (count < 10_000) return String(Math.round(count));
  if (count < 1_000_000) return `${Math.floor(count / 1_000)}k`;
  return count < 1_000_000_000
    ? `${Math.floor(count / 1_000_000)}M`
    : `${Math.floor(count / 1_000_000_000)}G`;
}

/** A number of messages each second. A dash: not known yet. */
export function rateText(rate: number | undefined): string {
  if (rate === undefined) return '-';
  return rate > 0 && rate < 10 ? rate.toFixed(1) : countText(rate);
}

/** How long something lasts, in its largest unit. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
