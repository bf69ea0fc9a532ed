import { killConnections, subjectConnections, type Fault } from './topology.js';

/** Connections that the server ends; any topology has them. */
export function connectionFaults(): Fault[] {
  return [
    kill('subscriber', (isSubscriber) => isSubscriber),
    kill('publisher', (isSubscriber) => !isSubscriber),
    kill('publisher and the subscriber', () => true),
  ];
}

function kill(whose: string, isMeant: (isSubscriber: boolean) => boolean): Fault {
  return {
    name: `CLIENT KILL of the ${whose}`,
    countedFrom: 'its end',
    strike: async ({ topology }) => {
      const connections = await subjectConnections(topology);
      await killConnections(connections.filter(({ isSubscriber }) => isMeant(isSubscriber)));
      return {};
    },
  };
}
