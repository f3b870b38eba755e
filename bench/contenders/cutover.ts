import { access, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Contender, Place } from '../contender.ts';
import { freePort } from '../free-port.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** This program: one process for data plane and control plane, metrics on as always. */
export const cutover: Contender = cutoverWith([]);

/** The same with flags for Node, "--no-opt". */
export function cutoverWith(flags: readonly string[]): Contender {
  return {
    name: 'cutover',
    isNative: false,
    async probe() {
      try {
        await access(MAIN);
      } catch {
        return { missing: `${MAIN} is not there` };
      }
      const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
      const entries = ['http', 'https', 'http2', 'tcp', 'websocket'] as const;
      return { version, features: [...entries, 'access log', 'services', 'targets', 'rules', 'mirror'] };
    },
    async start(place) {
      const { children, core, folder } = place;
      const file = join(folder, 'cutover.json');
      await writeFile(file, JSON.stringify(configOf(place, await freePort())));
      return children.start(core, process.execPath, [...flags, MAIN, 'run', '--config', file, '--log-level', 'warn']);
    },
  };
}

function configOf(place: Place, adminPort: number): object {
  const { port, clientsMax, folder, setting, certificate } = place;
  const { entry, accessLog } = setting;
  const limits = { connections: clientsMax, ...(entry === 'tcp' ? {} : { requestsPerConnection: 100_000_000 }) };
  const tls = entry === 'https' ? { tls: { certificates: [{ cert: certificate?.cert, key: certificate?.key }] } } : {};
  const protocol = entry === 'http' ? {} : { protocol: entry };
  return {
    listeners: { web: { listen: `127.0.0.1:${port}`, ...protocol, ...tls, limits } },
    admin: { listen: `127.0.0.1:${adminPort}` },
    state: { path: 'memory' },
    workers: 0,
    shutdown: { announce: '1ms', drainTimeout: '1s' },
    ...(accessLog === true ? { accessLog: { path: join(folder, 'access.log') } } : {}),
    services: servicesOf(place),
  };
}

function servicesOf({ targets, setting }: Place): object {
  const { entry, services = 1, rules = 0, mirrorPercent = 0 } = setting;
  const scheme = entry === 'tcp' ? 'tcp' : 'http';
  const only = { targets: targets.map((target) => ({ url: `${scheme}://${target}` })) };
  const asked = {
    match: entry === 'tcp' ? { listeners: ['web'] } : services > 1 ? { hosts: ['127.0.0.1'] } : {},
    pools: { only, ...(mirrorPercent > 0 ? { shadow: only } : {}) },
    split: { only: 100 },
    ...(rules > 0 ? { rules: Array.from({ length: rules }, (_, index) => rule(index)) } : {}),
    ...(mirrorPercent > 0 ? { mirror: { pool: 'shadow', percent: mirrorPercent } } : {}),
  };
  const others = Array.from({ length: services - 1 }, (_, index) => [
    `s${index}`,
    { match: { hosts: [`s${index}.example.com`] }, pools: { only } },
  ]);
  return { ...Object.fromEntries(others), asked };
}

/** Of four kinds in turn, of which the request has something, and never what is wanted. */
function rule(index: number): object {
  const kinds = [
    { path: { prefix: `/section-${index}` }, method: ['GET'] },
    { headers: { 'user-agent': `client-${index}` } },
    { clientIp: [`10.${index >> 8}.${index & 255}.0/24`] },
    { cookies: { uid: String(index) } },
  ];
  return { name: `r${index}`, when: kinds[index % kinds.length], pool: 'only' };
}
