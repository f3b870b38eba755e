import { type ChildProcess, fork } from 'node:child_process';
import { access } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../control/config/load.ts';
import type { ConfigDocument } from '../schema/config.ts';
import { problemLine } from './check.ts';

export interface DemoOptions {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  /** The environment; `CUTOVER_DEMO_PORT_BASE` moves all ports. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Serves a configuration until it is closed. */
  readonly startProxy: (config: ConfigDocument) => Promise<DemoProxy>;
  /** Fires when all of it is to end. */
  readonly signal: AbortSignal;
}

export interface DemoProxy {
  close(): Promise<void>;
}

const PORT_BASE_VARIABLE = 'CUTOVER_DEMO_PORT_BASE';
const PORT_BASE_MIN = 1024;
const PORT_MAX = 65_535;
/** A process of Node starts in a fraction of it, even on a busy machine. */
const APP_START_MS_MAX = 10_000;

const CONFIG_FILE = fileURLToPath(new URL('../../config/demo.yaml', import.meta.url));
const APP_FILE = fileURLToPath(new URL('../../examples/demo-app.ts', import.meta.url));

interface Ports {
  readonly proxy: number;
  readonly admin: number;
  readonly blue: number;
  readonly green: number;
}

/** As config/demo.yaml has them. */
const PORTS: Ports = { proxy: 8080, admin: 9900, blue: 3001, green: 3002 };

const APPS = [
  { name: 'blue', version: '1.4.0' },
  { name: 'green', version: '1.5.0' },
] as const;

type AppName = (typeof APPS)[number]['name'];

/** `cutover demo`: two versions of an application with the proxy in front of them, and what to try. */
export async function demoCommand(options: DemoOptions): Promise<number> {
  const ports = readPorts(options);
  if (ports === null) return 1;
  const config = await readConfig(ports, options);
  if (config === null || !(await areFree(ports, options))) return 1;
  const apps: ChildProcess[] = [];
  let proxy: DemoProxy | null = null;
  try {
    await Promise.all(APPS.map(({ name, version }) => startApp(name, version, ports[name], apps)));
    proxy = await options.startProxy(config);
    for (const line of whatToTry(ports)) options.out(line);
    reportDeaths(apps, options);
    await fired(options.signal);
    return 0;
  } catch (error) {
    options.err(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    // The proxy first: what it still has under way needs the applications.
    await proxy?.close();
    await Promise.all(apps.map(endApp));
  }
}

function readPorts({ env, err }: DemoOptions): Ports | null {
  const text = env[PORT_BASE_VARIABLE];
  if (text === undefined || text === '') return PORTS;
  const base = Number(text);
  const baseMax = PORT_MAX - 3;
  if (Number.isInteger(base) && base >= PORT_BASE_MIN && base <= baseMax) {
    return { proxy: base, admin: base + 1, blue: base + 2, green: base + 3 };
  }
  err(`${PORT_BASE_VARIABLE} is "${text}"; it must be a port from ${PORT_BASE_MIN} to ${baseMax}, the first of four`);
  return null;
}

async function readConfig(ports: Ports, { err }: DemoOptions): Promise<ConfigDocument | null> {
  try {
    await access(APP_FILE);
  } catch {
    err(`the demo runs in a checkout of the source only: ${APP_FILE} is not there`);
    return null;
  }
  const { config, problems } = await loadConfig(CONFIG_FILE);
  for (const problem of problems) err(problemLine(CONFIG_FILE, problem));
  return config === null ? null : withPorts(config, ports);
}

/** Addresses of the demo are `127.0.0.1:PORT` and nothing else, so that they can be replaced wherever they stand. */
function withPorts(config: ConfigDocument, ports: Ports): ConfigDocument {
  const moved = new Map<string, number>(
    Object.entries(PORTS).map(([role, port]) => [String(port), ports[role as keyof Ports]]),
  );
  const text = JSON.stringify(config).replace(/(?<=127\.0\.0\.1:)\d+/g, (port) => String(moved.get(port) ?? port));
  return JSON.parse(text) as ConfigDocument;
}

async function areFree(ports: Ports, { err }: DemoOptions): Promise<boolean> {
  const roles = Object.entries(ports) as readonly (readonly [keyof Ports, number])[];
  const taken: number[] = [];
  for (const [role, port] of roles) {
    const reason = await whyNotFree(port);
    if (reason === null) continue;
    err(`127.0.0.1:${port}, where the demo wants its ${roleName(role)}, cannot be used: ${reason}`);
    taken.push(port);
  }
  if (taken.length > 0) {
    err(`End what listens there, or move the demo to four other ports: ${PORT_BASE_VARIABLE}=18080 npm start`);
  }
  return taken.length === 0;
}

function roleName(role: keyof Ports): string {
  return role === 'proxy' || role === 'admin' ? { proxy: 'proxy', admin: 'admin API' }[role] : `application ${role}`;
}

function whyNotFree(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'EADDRINUSE' ? 'another program listens there' : error.message);
    });
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(null)));
  });
}

async function startApp(name: AppName, version: string, port: number, apps: ChildProcess[]): Promise<void> {
  const app = fork(APP_FILE, ['--name', name, '--version', version, '--port', String(port)], { execArgv: [] });
  apps.push(app);
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`application ${name} did not start in time`)), APP_START_MS_MAX);
    const settle = (end: () => void): void => {
      clearTimeout(late);
      end();
    };
    app.once('message', () => settle(resolve));
    app.once('exit', (code) =>
      settle(() => reject(new Error(`application ${name} ended at once (exit code ${code})`))),
    );
  });
}

function reportDeaths(apps: readonly ChildProcess[], { err, signal }: DemoOptions): void {
  for (const [i, app] of apps.entries()) {
    app.once('exit', () => {
      if (!signal.aborted) err(`application ${APPS[i]?.name} has ended; the proxy goes on without it`);
    });
  }
}

async function endApp(app: ChildProcess): Promise<void> {
  if (app.exitCode !== null || app.signalCode !== null) return;
  const exited = new Promise((resolve) => app.once('exit', resolve));
  app.kill('SIGKILL');
  await exited;
}

function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function whatToTry(ports: Ports): string[] {
  const proxy = `http://127.0.0.1:${ports.proxy}`;
  const admin = `http://127.0.0.1:${ports.admin}`;
  const applications = APPS.map(({ name, version }) => `${name} ${version} (port ${ports[name]})`).join(' and ');
  return [
    `Cutover serves ${proxy} in front of ${applications}; its admin API is at ${admin}.`,
    '',
    'Try in another terminal:',
    '',
    `  curl ${proxy}`,
    `  curl -H 'content-type: application/json' -d '{"to":"green"}' ${admin}/v1/services/demo/cutovers`,
    `  curl ${proxy}`,
    '',
    'Ctrl-C ends all of it.',
  ];
}
