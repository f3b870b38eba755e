import type { ListenerDocument } from '../../schema/listener.ts';
import { type Problem, pointerOf } from '../../schema/problem.ts';

/** Limits that count connections, and not what is in them. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set(['connections', 'connectionsPerClient', 'loopLag']);

/** A setting that a listener of this protocol never looks at would be one that seems to work. Paths count from the listener. */
export function checkListener({ protocol, timeouts = {}, limits = {} }: ListenerDocument): Problem[] {
  if (protocol !== 'tcp') return [];
  const message = 'is about HTTP, and this listener passes bytes as they are (protocol: tcp)';
  return [
    ...Object.keys(timeouts).map((name) => ({
      path: pointerOf('timeouts', name),
      message: `${message}; use timeouts of its service`,
      atKey: true,
    })),
    ...Object.keys(limits)
      .filter((name) => !OF_CONNECTIONS.has(name))
      .map((name) => ({ path: pointerOf('limits', name), message, atKey: true })),
  ];
}
