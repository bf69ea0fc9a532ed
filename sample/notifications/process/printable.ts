/** Replaces control characters: a publisher chooses the channel name, and a line break in it would forge a log line. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\ufffd');
}
