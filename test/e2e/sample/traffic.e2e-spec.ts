import { describe, expect, it } from 'vitest';
import type { TracedMessage } from '../../../sample/notifications/process/traced-message.js';
import type { EventStream } from './event-stream.js';
import { useSample } from './use-sample.js';

const channelOf = ({ id }: { readonly id: string }) => `sample:notifications.user.${id}`;

/** The messages that passed, in the `traffic` events of a stream. */
const steps = (stream: EventStream): TracedMessage[] =>
  stream.of<{ messages: readonly TracedMessage[] }>('traffic').flatMap(({ messages }) => messages);

/** The channels of those messages. */
const passedChannels = (stream: EventStream): string =>
  steps(stream)
    .map(({ channel }) => channel)
    .join();

describe('a stream of the sample shows which messages pass', () => {
  const sample = useSample();
  it('from their sender to each receiver, with the pattern, at every process', async () => {
    const dave = await sample.first.user('dave').openStream();
    await sample.second.user().like('p4');
    const liked = { channel: 'sample:post.liked' };
    const own = { channel: channelOf({ id: 'dave' }) };
    const stepsOf = ({ channel }: typeof own) =>
      steps(dave).filter((step) => step.channel === channel);
    await dave.until(() => stepsOf(liked).length >= 3 && stepsOf(own).length >= 2);
    const [sent, ...received] = stepsOf(liked);
    expect(sent).toEqual({ kind: 'sent', instance: 'activity', receivers: 2, ...liked });
    const byPattern = { kind: 'received', pattern: 'sample:post.*', ...liked };
    for (const instance of ['notifications', 'gateway-1']) {
      expect(received).toContainEqual({ ...byPattern, instance });
    }
    expect(received).toHaveLength(2);
    expect(stepsOf(own)).toEqual([
      { kind: 'sent', instance: 'notifications', receivers: 1, ...own },
      { kind: 'received', instance: 'gateway-1', ...own },
    ]);
  });

  it('but no channel of another user', async () => {
    const [ann, bob] = [sample.first.user(), sample.first.user()];
    const streams = [await ann.openStream(), await bob.openStream()] as const;
    await sample.second.user().message(bob, 'A secret');
    await sample.second.user().message(ann, 'Last');
    await streams[0].until(() => passedChannels(streams[0]).includes(channelOf(ann)));
    await streams[1].until(() => passedChannels(streams[1]).includes(channelOf(bob)));
    expect(passedChannels(streams[0])).not.toContain(bob.id);
    expect(passedChannels(streams[1])).not.toContain(ann.id);
  });
});
