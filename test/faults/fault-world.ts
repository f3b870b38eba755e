/**
 * A proxy with its primary and its workers as processes, in front of two versions of an application, and everything
 * that a test needs to hurt it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

import type { ConfigDocument } from '../../src/schema/config.ts';
import { AdminClient } from '../helpers/admin-client.ts';
import { Backend } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { freePorts } from './free-ports.ts';
import { killNow, processesWith } from './process-view.ts';
import { ProxyProcess } from './proxy-process.ts';

export const WORKERS = 2;

/** Whether to take the time that the promises name, and not only what a run before every commit can afford. */
export const IS_LONG = process.env['CUTOVER_LONG'] === '1';

export interface FaultWorld {
  readonly blue: Backend;
  readonly green: Backend;
  /** Of the listener. */
  readonly port: number;
  readonly admin: AdminClient;
  /** `app` with the pools `blue` (all of the traffic at first) and `green`. */
  readonly config: ConfigDocument;
  readonly configFile: string;
  readonly stateFolder: string;
  /** Puts another configuration in the file. */
  write(config: ConfigDocument | string): void;
  /** Starts the program, and does not wait for anything. */
  start(options?: StartOptions): ProxyProcess;
  /** Every process of this world: primaries and workers. */
  pids(): number[];
  /** The workers as the admin API lists them. */
  workers(): Promise<WorkerEntry[]>;
  /** Resolves when just the workers that are wanted are left, and answers who they are. */
  settledWorkers(count?: number, patienceMs?: number): Promise<WorkerEntry[]>;
}

export interface StartOptions {
  readonly command?: 'run' | 'upgrade';
  /** Default: that of the world. */
  readonly configFile?: string;
  readonly nodeArgs?: readonly string[];
}

export interface WorkerEntry {
  readonly worker: string;
  readonly pid: number;
  readonly generation: number;
}

/** `more` is put over the usual configuration. */
export async function makeWorld(more: Partial<ConfigDocument> = {}): Promise<FaultWorld> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cutover-faults-'));
  const [blue, green] = [await Backend.start('blue'), await Backend.start('green')];
  onTestFinished(async () => {
    // Workers that are being started appear late.
    for (let found = processesWith(folder); found.length > 0; found = processesWith(folder)) found.forEach(killNow);
    await Promise.all([blue.close(), green.close()]);
    rmSync(folder, { recursive: true, force: true });
  });
  const [port = 0, adminPort = 0] = await freePorts(2);
  const admin = new AdminClient(`http://127.0.0.1:${adminPort}`);
  const configFile = path.join(folder, 'cutover.json');
  const stateFolder = path.join(folder, 'state');
  const pool = ({ version, url }: Backend) => ({ version, targets: [{ url }] });
  const config: ConfigDocument = {
    listeners: { web: { listen: `127.0.0.1:${port}` } },
    admin: { listen: `127.0.0.1:${adminPort}` },
    state: { path: stateFolder },
    workers: WORKERS,
    services: { app: { pools: { blue: pool(blue), green: pool(green) }, split: { blue: 100 } } },
    ...more,
  };
  const write = (content: ConfigDocument | string, file = configFile): void =>
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  write(config);
  let started = 0;
  const world: FaultWorld = {
    blue,
    green,
    port,
    admin,
    config,
    configFile,
    stateFolder,
    write,
    start({ command = 'run', configFile: file = configFile, nodeArgs = [] } = {}) {
      started += 1;
      const logFile = path.join(folder, `${started}.log`);
      return new ProxyProcess({ command, configFile: file, logFile, nodeArgs });
    },
    pids: () => processesWith(folder),
    workers: async () => (await admin.must('GET', '/v1/workers')).json.items as WorkerEntry[],
    settledWorkers: (count = WORKERS, patienceMs = 15_000) =>
      eventually(async () => {
        const workers = await world.workers();
        const keepers = processesWith('"name":"keeper-');
        const running = processesWith(`"control":"${stateFolder}/`).filter((pid) => !keepers.includes(pid));
        if (workers.length === count && running.length === count) return workers;
        throw new Error(`${workers.length} workers are listed and ${running.length} run, where ${count} are wanted`);
      }, patienceMs),
  };
  return world;
}

/** As `makeWorld`, with the program running and ready. */
export async function startWorld(
  more: Partial<ConfigDocument> = {},
  nodeArgs: readonly string[] = [],
): Promise<FaultWorld & { readonly proxy: ProxyProcess }> {
  const world = await makeWorld(more);
  const proxy = world.start({ nodeArgs });
  await proxy.ready();
  return { ...world, proxy };
}

/** A port of 127.0.0.1 that somebody else listens on, for the running test. */
export async function takenPort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  const server = createServer().listen(port, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  return port;
}
