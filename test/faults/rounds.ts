/** How often each fault strikes. */
export const ROUNDS = 3;
