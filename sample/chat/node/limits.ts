/** The longest message, in characters. The page has the same limit. */
export const MAX_TEXT_LENGTH = 2_000;
/** The number of messages that one request reads. The page has the same limit. */
export const PAGE_SIZE = 50;
/** The number of messages that a room keeps; Redis may keep a few more. */
export const ROOM_SIZE = 10_000;
/** Time in which a message that is sent again is recognised, in milliseconds. */
export const RESEND_WINDOW_MS = 60 * 60 * 1_000;
/** Time in which the messages of a user are counted, in milliseconds. */
export const LIMIT_WINDOW_MS = 10_000;
/** The least time between two typing events of a socket that are passed on, in milliseconds. */
export const TYPING_INTERVAL_MS = 250;
/** The number of sockets of one user at one node. */
export const MAX_SOCKETS = 20;
