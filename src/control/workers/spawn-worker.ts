import { spawn } from 'node:child_process';

import {
  type SocketSet,
  type Spawned,
  type SpawnRequest,
  WORKER_SETTING_VARIABLE,
  type WorkerSetting,
} from '../../snapshot/worker-protocol.ts';

/** First descriptor of a child that is free for sockets. */
const FIRST_FD = 3;

/**
 * Starts a worker process that inherits all sockets. It is not tied to who started it: it leads a process group of its
 * own, so that a terminal's Ctrl-C reaches the primary alone, and lives on when its parent dies.
 */
export function spawnWorker(request: SpawnRequest, control: string, sockets: readonly SocketSet[]): Spawned {
  const inherited = sockets.flatMap(({ fds }) => fds);
  let next = FIRST_FD;
  const setting: WorkerSetting = {
    control,
    index: request.index,
    count: request.count,
    name: request.name,
    orphanMsMax: request.orphanMsMax,
    sockets: sockets.map((set) => ({ ...set, fds: set.fds.map(() => next++) })),
  };
  const child = spawn(process.execPath, [...process.execArgv, request.entry], {
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', ...inherited],
    env: { ...process.env, [WORKER_SETTING_VARIABLE]: JSON.stringify(setting) },
  });
  // What becomes of it is heard over its connection; a start that fails is seen there as one that never connects.
  child.on('error', () => {});
  child.unref();
  return { pid: child.pid ?? null, sockets };
}
