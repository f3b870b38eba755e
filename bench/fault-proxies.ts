/** The two proxies in front of the same targets, told the same things in their own words. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Child, Children } from './children.ts';
import { freePort } from './free-port.ts';
import { installed } from './installed.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** How often both check each target, in milliseconds. */
export const CHECK_MS = 500;

export interface Asked {
  readonly children: Children;
  readonly core: number;
  readonly folder: string;
  readonly ports: readonly number[];
  /** `plain`: nothing but checks. `told`: to try failed requests again, and to leave alone what fails too often. */
  readonly settings: 'plain' | 'told';
  /** How targets are chosen, in the words of the proxy that is asked. */
  readonly balance: unknown;
  /** Further settings of our service. */
  readonly service?: object;
  /** Of ours; 0, the default: one process does it all. */
  readonly workers?: number;
}

export interface Running {
  readonly child: Child;
  readonly port: number;
}

export type StartProxy = (asked: Asked) => Promise<Running>;

export async function startCutover(asked: Asked): Promise<Running> {
  const { children, core, folder, ports, settings, balance, service = {}, workers = 0 } = asked;
  const port = await freePort();
  const told = { retries: { on: ['connect', 'reused-connection', 503] }, ejection: { failurePercent: 30 } };
  const config = {
    listeners: { web: { listen: `127.0.0.1:${port}` } },
    admin: { listen: `127.0.0.1:${await freePort()}` },
    state: { path: 'memory' },
    workers,
    services: {
      app: {
        pools: { only: { targets: ports.map((target) => ({ url: `http://127.0.0.1:${target}` })) } },
        algorithm: balance,
        health: { path: '/healthz', interval: `${CHECK_MS}ms`, timeout: '1s', rise: 2, fall: 3 },
        ...(settings === 'told' ? told : {}),
        ...service,
      },
    },
  };
  const file = join(folder, `cutover-${port}.json`);
  await writeFile(file, JSON.stringify(config));
  return { child: await children.start(core, process.execPath, [MAIN, 'run', '--config', file]), port };
}

export async function startHaproxy(asked: Asked): Promise<Running> {
  const { children, core, folder, ports, settings, balance } = asked;
  const port = await freePort();
  const isTold = settings === 'told';
  const config = `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
  option redispatch
  ${isTold ? 'retry-on conn-failure 503' : ''}
frontend web
  bind 127.0.0.1:${port}
  default_backend app
backend app
  balance ${String(balance)}
  option httpchk GET /healthz
  default-server check inter ${CHECK_MS}ms rise 2 fall 3 ${isTold ? 'observe layer7 error-limit 10 on-error mark-down' : ''}
${ports.map((target, index) => `  server s${index} 127.0.0.1:${target}`).join('\n')}
`;
  const file = join(folder, `haproxy-${port}.cfg`);
  await writeFile(file, config);
  return { child: await children.start(core, (await installed('haproxy')) ?? 'haproxy', ['-db', '-f', file]), port };
}
