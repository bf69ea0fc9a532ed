const SPACE = 32;
const DELETE = 127;

/**
 * A text as the id of a message; `undefined` if it is empty, or has other characters than visible ASCII. Applications
 * log ids and send them on in lines of text. Call it where an application gets an id: most ids are only counted.
 */
export function visibleId(text: string | undefined): string | undefined {
  return text !== undefined && isVisible(text) ? text : undefined;
}

function isVisible(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= SPACE || code >= DELETE) return false;
  }
  return text !== '';
}
