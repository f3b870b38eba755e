import { connect } from 'node:net';

import { Calls } from '../../base/calls.ts';
import type { SuccessorCalls } from '../../snapshot/worker-protocol.ts';

/** A primary that has let everything go for this process to take over. */
export interface Predecessor {
  /** It may end: this process serves. Without this word it serves again. */
  release(): Promise<void>;
}

/**
 * Asks the primary behind the socket at `path` to hand over. Resolves when the store, the admin API and the workers are
 * free to take; rejects where nobody answers, and then nothing was changed.
 */
export async function askToHandOver(path: string): Promise<Predecessor> {
  const socket = connect(path);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  const calls = new Calls(socket, (method) => {
    throw new Error(`a successor cannot be asked for ${method}`);
  });
  // One that is gone by now has let everything go as well.
  const handOver: SuccessorCalls['handOver'] = { pid: process.pid };
  await calls.call('handOver', handOver).catch((error: unknown) => {
    if (socket.readyState === 'open') throw error;
  });
  return {
    async release() {
      await calls.call('tookOver', null).catch(() => {});
      socket.destroy();
    },
  };
}
