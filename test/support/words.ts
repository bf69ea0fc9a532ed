/** Words and phrases that neither code nor documentation uses: plain English has better ones. */
const BANNED = [
  'whoever',
  'whom',
  'nobody',
  'somebody',
  'anew',
  'meanwhile',
  'scout',
  'linger',
  'halves',
  'of use',
  'on the way',
  'and is told',
  'comes to',
  'has been there',
];

/** Finds banned words and phrases. */
export const BANNED_WORDS = new RegExp(`\\b(?:${BANNED.join('|')})(?:s|ed|ing)?\\b`, 'gi');

const sentences = new Intl.Segmenter('en', { granularity: 'sentence' });

/** The sentences of a text. */
export const sentencesOf = (text: string): string[] =>
  [...sentences.segment(text)].map(({ segment }) => segment.trim());

/** How many words a text has; what has neither a letter nor a digit is none. */
export const wordsIn = (text: string): number =>
  text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
