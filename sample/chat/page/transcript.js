import { PAGE_SIZE } from './limits.js';

/** @import { Message, Transcript } from './types.js' */

/** @type {Transcript} */
export const emptyTranscript = {
  messages: [],
  isLoaded: false,
  hasEarlier: false,
  isLoadingEarlier: false,
};

/**
 * The id of the last message; 0 for none.
 *
 * @param {Transcript} transcript
 */
export function lastId({ messages }) {
  return messages.at(-1)?.id ?? 0;
}

/**
 * A transcript with the newest messages of the room.
 *
 * @param {readonly Message[]} newest oldest first
 * @returns {Transcript}
 */
export function load(newest) {
  const [first] = newest;
  const hasEarlier = first !== undefined && first.id > 1 && newest.length >= PAGE_SIZE;
  return { messages: newest, isLoaded: true, hasEarlier, isLoadingEarlier: false };
}

/**
 * Adds the messages that follow the last one. One that is known changes nothing; one behind a hole is left out,
 * since the page reads it with those of the hole.
 *
 * @param {Transcript} transcript
 * @param {readonly Message[]} added oldest first
 * @returns {Transcript}
 */
export function append(transcript, added) {
  if (!transcript.isLoaded) return transcript;
  const messages = [...transcript.messages];
  let last = lastId(transcript);
  for (const message of added) {
    if (message.id !== last + 1) continue;
    messages.push(message);
    last = message.id;
  }
  return messages.length === transcript.messages.length ? transcript : { ...transcript, messages };
}

/**
 * Adds the messages before the first one, as far as there is no hole between.
 *
 * @param {Transcript} transcript
 * @param {readonly Message[]} earlier oldest first
 * @returns {Transcript}
 */
export function prepend(transcript, earlier) {
  const messages = [...transcript.messages];
  for (const message of earlier.toReversed()) {
    if (message.id === (messages[0]?.id ?? 0) - 1) messages.unshift(message);
  }
  const isFull = earlier.length >= PAGE_SIZE;
  const hasEarlier = isFull && (messages[0]?.id ?? 1) > 1;
  return { ...transcript, messages, hasEarlier, isLoadingEarlier: false };
}
