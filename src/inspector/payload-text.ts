/** A payload as a page shows it. */
export interface PayloadText {
  /** At most as many characters as asked for. */
  readonly text: string;
  /** How many characters it has in full; absent where only its beginning was read. */
  readonly length?: number | undefined;
}

const MAX_BYTES = 200;

/**
 * The text of decoded data: text as it is, bytes in hexadecimal digits, all else as JSON. Takes time in proportion to
 * `maxLength`, and not to the data. Never throws.
 */
export function payloadText(data: unknown, maxLength: number): PayloadText {
  const { text, length } = read(data, maxLength);
  return { text: text.slice(0, maxLength).toWellFormed(), length };
}

function read(data: unknown, maxLength: number): PayloadText {
  if (typeof data === 'string') return { text: data, length: data.length };
  if (ArrayBuffer.isView(data)) return whole(bytesText(data));
  const json = new JsonBeginning(maxLength);
  try {
    json.add(data);
  } catch {
    // A codec of the application may return objects whose getters throw.
    return whole('a value that JSON cannot show');
  }
  return json.isFull ? { text: json.text } : whole(json.text);
}

function whole(text: string): PayloadText {
  return { text, length: text.length };
}

/** Writes JSON until it has more characters than asked for. An object that refers to itself ends there, too. */
class JsonBeginning {
  text = '';

  constructor(private readonly maxLength: number) {}

  get isFull(): boolean {
    return this.text.length > this.maxLength;
  }

  add(value: unknown): void {
    const form = formOf(value);
    if (typeof form === 'string') this.#addText(form);
    else if (Array.isArray(form)) this.#addItems(form);
    else if (typeof form === 'object' && form !== null) this.#addFields(form);
    else this.text += JSON.stringify(form) ?? 'undefined';
  }

  #addText(text: string): void {
    const left = this.maxLength - this.text.length;
    this.text += JSON.stringify(text.slice(0, left + 1));
  }

  #addItems(items: readonly unknown[]): void {
    this.text += '[';
    for (let i = 0; i < items.length && !this.isFull; i++) {
      if (i > 0) this.text += ',';
      this.add(isLeftOut(items[i]) ? null : items[i]);
    }
    this.text += ']';
  }

  #addFields(fields: object): void {
    let separator = '';
    this.text += '{';
    for (const key in fields) {
      if (this.isFull) break;
      const value: unknown = Object.hasOwn(fields, key) ? Reflect.get(fields, key) : undefined;
      if (isLeftOut(value)) continue;
      this.text += separator;
      this.#addText(key);
      this.text += ':';
      this.add(value);
      separator = ',';
    }
    this.text += '}';
  }
}

function formOf(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (ArrayBuffer.isView(value)) return bytesText(value);
  const toJson: unknown =
    typeof value === 'object' && value !== null && Reflect.get(value, 'toJSON');
  return typeof toJson === 'function' ? Reflect.apply(toJson, value, ['']) : value;
}

/** Whether JSON has no form for it. */
function isLeftOut(value: unknown): boolean {
  return value === undefined || typeof value === 'function' || typeof value === 'symbol';
}

function bytesText({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  const digits = Buffer.from(buffer, byteOffset, Math.min(byteLength, MAX_BYTES)).toString('hex');
  const pairs = digits.replaceAll(/..(?=.)/g, '$& ');
  return `${byteLength} bytes: ${pairs}${byteLength > MAX_BYTES ? ' …' : ''}`;
}
