/**
 * How long a message may be on its way from node to node, in milliseconds: their links hold small ones
 * back until the last was acknowledged, which TCP may put off for 200.
 */
export const BETWEEN_NODES = 250;
