import { pause } from './pause.ts';
import { freeze, killNow, peersOf } from './process-view.ts';
import type { SteadyLoad } from './steady-load.ts';

/**
 * Kills workers that serve `port`. Resolves with the ids of the requests that were under way on them, by the connections
 * that they held.
 */
export async function killUnder(load: SteadyLoad, port: number, pids: readonly number[]): Promise<string[]> {
  // From a timer: a client that is about to ask looks at its connection once more before it does.
  await pause(1);
  pids.forEach(freeze);
  const peers = pids.map((pid) => peersOf(pid, port));
  const held = load.underWay.filter(({ address }) => peers.some((addresses) => addresses.has(address)));
  pids.forEach(killNow);
  return held.map(({ entry }) => entry.id);
}
