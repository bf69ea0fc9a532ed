import type { Delivery } from '../broker/broker.js';
import type { ChannelPattern } from '../channel/channel-pattern.js';
import type { SubscriptionKey } from '../channel/subscription-key.js';
import type { MessageSource, SourceBus, SourceMessage } from '../transport/message-source.js';
import { KeyNotification } from './key-notification.js';
import { byteText, KeySelection, type KeySelectionOptions } from './key-selection.js';
import { KeyspaceServers } from './keyspace-servers.js';

/** The notifications of keys, for one handler or observer. */
export class KeySource implements MessageSource {
  readonly key: SubscriptionKey;
  readonly #selection: KeySelection;
  readonly #servers: KeyspaceServers;

  /** Throws as `KeySelection` does. */
  constructor(bus: SourceBus, options: KeySelectionOptions) {
    this.#selection = new KeySelection(options);
    this.key = this.#selection.key;
    this.#servers = KeyspaceServers.of(bus);
  }

  get pattern(): ChannelPattern {
    return this.#selection.pattern;
  }

  async prepare(isAfterOutage: boolean): Promise<void> {
    if (this.#selection.channel === 'subkeyspaceitem') {
      await this.#servers.assertFields(this.key.name, isAfterOutage);
    }
    await this.#servers.need(this.#selection, isAfterOutage);
  }

  read(delivery: Delivery): SourceMessage | undefined {
    const { channel, payload } = delivery;
    const selection = this.#selection;
    const name = (): Buffer => delivery.channelBytes?.() ?? Buffer.from(channel);
    const notified = selection.read(
      channel,
      name,
      byteText(payload.text(), () => payload.bytes()),
    );
    const params = notified && selection.match(notified);
    if (!params) return undefined;
    const { key, event, field } = notified;
    const data = new KeyNotification({
      key: key.text,
      bytes: key.bytes,
      event,
      database: selection.database,
      params,
      field: field?.text,
    });
    return { data, params, orderedBy: key.text };
  }
}
