/** ioredis takes these as text, even if the text is a number. */
const TEXT_OPTIONS = /^(host|path|keyPrefix|clientInfoTag|.*([uU]sername|[pP]assword|[nN]ame))$/;

/**
 * The query of a URL as ioredis options, numbers and booleans converted. ioredis keeps them as text, which Node
 * refuses as a timeout.
 */
export function queryOf(url: string): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [name, text] of new URL(url).searchParams) {
    options[name] = TEXT_OPTIONS.test(name) ? text : convert(text);
  }
  // ioredis sets it by the protocol.
  if (url.startsWith('rediss:')) delete options.tls;
  return options;
}

function convert(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^\d+$/.test(text) ? Number(text) : text;
}
