/** Whether a text is percent-encoded, so that `decodeURIComponent` does not throw. */
export function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
