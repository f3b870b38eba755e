import { spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync } from 'node:fs';

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
  const [out, err] = [outputOf(1), outputOf(2)];
  const child = spawn(process.execPath, [...process.execArgv, request.entry], {
    detached: true,
    stdio: ['ignore', out, err, ...inherited],
    env: { ...process.env, [WORKER_SETTING_VARIABLE]: JSON.stringify(setting) },
  });
  // What becomes of it is heard over its connection; a start that fails is seen there as one that never connects.
  child.on('error', () => {});
  child.unref();
  for (const fd of [out, err]) if (fd !== 'inherit') closeSync(fd);
  unblockOutput();
  return { pid: child.pid ?? null, sockets };
}

/**
 * A standard stream for a child. Starting one makes those that it inherits blocking (libuv's `uv_spawn`), for all
 * processes that have the same open file: a line for a reader that does not read would stop them. So the child gets a
 * pipe as an open file of its own, where it can be had: there must be a reader, and it must be ours.
 */
function outputOf(fd: 1 | 2): number | 'inherit' {
  try {
    if (!fstatSync(fd).isFIFO()) return 'inherit';
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return 'inherit';
  }
}

/** What had to be inherited after all, a socket above all, does not stay blocking. */
function unblockOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const { _handle: handle } = stream as { _handle?: { setBlocking?: (isBlocking: boolean) => unknown } };
    handle?.setBlocking?.(false);
  }
}
