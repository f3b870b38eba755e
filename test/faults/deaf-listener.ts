import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';

import { pause } from './pause.ts';

const THREAD = new URL('./deaf-listener-thread.ts', import.meta.url);

/** More than the kernel queues for a backlog of 1. */
const FILLERS = 4;
const FILL_MS = 50;

/**
 * The port of a listener that nobody accepts from and whose queue is full: a connection to it is neither made nor
 * refused, as to a machine that has gone.
 */
export async function startDeafListener(): Promise<number> {
  const thread = new Worker(THREAD);
  const fillers: Socket[] = [];
  onTestFinished(async () => {
    for (const socket of fillers) socket.destroy();
    await thread.terminate();
  });
  const [port] = (await once(thread, 'message')) as [number];
  for (let count = 0; count < FILLERS; count += 1) fillers.push(connect(port, '127.0.0.1').on('error', () => {}));
  await pause(FILL_MS);
  return port;
}
