import { describe, expect, it } from 'vitest';
import { addToast } from '../../../sample/notifications/gateway/page/toasts.js';
import { notification } from './notification.js';

describe('toasts', () => {
  it('are three at most, the newest first', () => {
    const toasts = ['a', 'b', 'c', 'd'].map(notification).reduce(addToast, []);
    expect(toasts.map(({ id }) => id)).toEqual(['d', 'c', 'b']);
  });
});
