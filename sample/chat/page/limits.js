/** The longest message, in characters. The node has the same limit. */
export const MAX_TEXT_LENGTH = 2_000;
/** The number of messages that one request reads. The node has the same limit. */
export const PAGE_SIZE = 50;
