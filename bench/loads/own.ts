import { fileURLToPath } from 'node:url';
import { type LoadGenerator, type LoadResult, lastLine, runToEnd } from '../load.ts';
import type { SteadyResult, SteadyTask } from './steady-load.ts';

const WEBSOCKET = fileURLToPath(new URL('./websocket-load.ts', import.meta.url));
const STEADY = fileURLToPath(new URL('./steady-load.ts', import.meta.url));

/** Clients that send a message again when it has come back. */
export const websocketLoad: LoadGenerator = {
  name: 'own WebSocket clients',
  suits: ({ kind }) => kind === 'websocket',
  async run(task) {
    const { load, origin, seconds } = task;
    const args = [WEBSOCKET, new URL(origin).port, String(load.connections), String(seconds)];
    return JSON.parse(lastLine(await runToEnd(task, process.execPath, args))) as LoadResult;
  },
};

/** Requests at a fixed rate, however long the answers take. */
export async function runSteadyLoad(where: Parameters<typeof runToEnd>[0], task: SteadyTask): Promise<SteadyResult> {
  const said = await runToEnd(where, process.execPath, [STEADY, JSON.stringify(task)]);
  return JSON.parse(lastLine(said)) as SteadyResult;
}
