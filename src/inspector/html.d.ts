/** A page with its style sheet and its script, as one text. The plugin of `embed-page.ts` makes it. */
declare module '*.html' {
  /** The text of the page. */
  export const page: string;
}
