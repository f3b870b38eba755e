import type { Contender } from '../contender.ts';
import { startServer } from './node-server.ts';

/**
 * Not a proxy, and the floor for all that run on Node: it copies bytes and knows nothing of what they say. For HTTP it is
 * there to see what reading and deciding adds.
 */
export const relay: Contender = {
  name: 'relay',
  isNative: false,
  probe: () => Promise.resolve({ version: process.versions.node, features: ['http', 'tcp', 'websocket'] }),
  start: (place) => startServer('relay-server.ts', place),
};
