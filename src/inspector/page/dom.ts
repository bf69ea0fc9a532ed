/** The element with an id of `index.html`. */
export function byId<T extends Element = HTMLElement>(id: string): T {
  const found = document.querySelector<T>(`#${id}`);
  if (!found) throw new Error(`The page has no #${id}`);
  return found;
}

/** Creates an element. Text is text: nothing of the page is ever parsed as markup. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const created = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) created.setAttribute(name, value);
  created.append(...children);
  return created;
}

/** Sets the text of an element, if it is another one: a selection in the text stays. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Sets an attribute, or removes it. */
export function setAttribute(target: Element, name: string, value: string | undefined): void {
  if (value === undefined) target.removeAttribute(name);
  else if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}

/** A piece of text with a look of its own. */
export interface Part {
  readonly text: string;
  readonly class?: string | undefined;
  readonly title?: string | undefined;
}

/** Makes the children of an element equal to the parts; those that are there already are kept. */
export function setParts(target: Element, parts: readonly Part[]): void {
  while (target.children.length > parts.length) target.lastElementChild?.remove();
  for (const [i, { text, class: look, title }] of parts.entries()) {
    const part = target.children[i] ?? target.appendChild(element('span'));
    setText(part, text);
    setAttribute(part, 'class', look);
    setAttribute(part, 'title', title);
  }
}

/** Runs a change of the page. What had the focus keeps it; `fallback` gets it if that is gone. */
export function keepingFocus(fallback: HTMLElement, change: () => void): void {
  const focused = document.activeElement;
  change();
  if (!(focused instanceof HTMLElement) || focused === document.activeElement) return;
  (focused.isConnected ? focused : fallback).focus({ preventScroll: true });
}

/** Makes the children of an element those of `items`, in their order. An item that is there already keeps its element. */
export class KeyedList<Item> {
  #elements = new Map<string, HTMLElement>();

  constructor(
    readonly target: HTMLElement,
    private readonly how: {
      readonly key: (item: Item) => string;
      readonly create: (item: Item) => HTMLElement;
      readonly update: (element: HTMLElement, item: Item) => void;
    },
  ) {}

  show(items: readonly Item[]): void {
    const before = this.#elements;
    this.#elements = new Map();
    for (const [i, item] of items.entries()) {
      const key = this.how.key(item);
      const shown = before.get(key) ?? this.how.create(item);
      before.delete(key);
      this.#elements.set(key, shown);
      this.how.update(shown, item);
      const there = this.target.children[i];
      if (there !== shown) this.target.insertBefore(shown, there ?? null);
    }
    for (const gone of before.values()) gone.remove();
  }
}
