/** Text from outside as one line of a log: whoever publishes chooses the channel, and could write others. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\ufffd');
}
