import { applicationConnections, killConnections } from './application-connections.js';
import type { Fault } from './fault.js';

/** Connections that the server closes. Every topology has these faults. */
export function connectionFaults(): Fault[] {
  return [
    kill('subscriber', (isSubscriber) => isSubscriber),
    kill('publisher', (isSubscriber) => !isSubscriber),
    kill('publisher and the subscriber', () => true),
  ];
}

function kill(role: string, isChosen: (isSubscriber: boolean) => boolean): Fault {
  return {
    name: `CLIENT KILL of the ${role}`,
    countedFrom: 'its end',
    inject: async ({ topology }) => {
      const connections = await applicationConnections(topology);
      await killConnections(connections.filter(({ isSubscriber }) => isChosen(isSubscriber)));
      return {};
    },
  };
}
