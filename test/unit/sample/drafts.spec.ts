import { describe, expect, it } from 'vitest';
import { Drafts } from '../../../sample/notifications/gateway/page/drafts.js';
import { createStore } from './create-store.js';

function createDrafts(texts: Record<string, string>): Drafts {
  const drafts = new Drafts(createStore());
  for (const [key, text] of Object.entries(texts)) drafts.set(key, text);
  return drafts;
}

describe('drafts', () => {
  it('are empty at first', () => {
    expect(createDrafts({}).get('message:bob')).toBe('');
  });

  it('are cleared when they have been sent, and nothing else is', () => {
    const drafts = createDrafts({ title: 'One', text: 'Two', 'message:bob': 'Hello' });
    drafts.clear({ title: 'One', text: 'Two' });
    expect(['title', 'text', 'message:bob'].map((key) => drafts.get(key))).toEqual([
      '',
      '',
      'Hello',
    ]);
  });

  it('keep what was typed while they were being sent', () => {
    const drafts = createDrafts({ title: 'One', text: 'Two' });
    const sent = { title: drafts.get('title'), text: drafts.get('text') };
    drafts.set('text', 'Two, and more');
    drafts.clear(sent);
    expect([drafts.get('title'), drafts.get('text')]).toEqual(['', 'Two, and more']);
  });
});
