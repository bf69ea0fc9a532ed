/** The maximum length of a message and of a comment, in characters. The page has the same limits. */
export const MAX_TEXT_LENGTH = 500;
/** The maximum length of the title of an announcement, in characters. */
export const MAX_TITLE_LENGTH = 100;
