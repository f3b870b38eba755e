import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender, Place } from '../contender.ts';
import { installed, versionOf } from '../installed.ts';

/** One thread; any connection to the backend reused for any client; nothing logged. */
export const haproxy: Contender = {
  name: 'haproxy',
  isNative: true,
  async probe() {
    const path = await installed('haproxy');
    if (path === null) return { missing: 'not installed' };
    const features = ['http', 'https', 'http2', 'tcp', 'websocket', 'services', 'targets'] as const;
    return { version: await versionOf(path, ['-v'], /\d[\d.]+/), features };
  },
  async start(place) {
    const { children, core, folder, setting } = place;
    const file = join(folder, 'haproxy.cfg');
    const map = join(folder, 'hosts.map');
    await writeFile(map, hostsMap(setting.services ?? 1));
    await writeFile(file, configOf(place, map));
    return children.start(core, (await installed('haproxy')) ?? 'haproxy', ['-db', '-f', file]);
  },
};

function configOf({ port, targets, clientsMax, setting, certificate }: Place, map: string): string {
  const { entry, http2, services = 1 } = setting;
  const mode =
    entry === 'tcp' ? 'mode tcp' : 'mode http\n  option http-keep-alive\n  option forwardfor\n  http-reuse always';
  const secure = entry === 'https' ? ` ssl crt ${certificate?.both} alpn ${http2 === true ? 'h2,' : ''}http/1.1` : '';
  const find = services > 1 ? `use_backend %[req.hdr(host),field(1,:),lower,map(${map})]` : 'default_backend asked';
  const names = [...Array.from({ length: services - 1 }, (_, index) => `s${index}`), 'asked'];
  const servers = targets.map((target, index) => `  server t${index} ${target}`).join('\n');
  return `
global
  nbthread 1
  maxconn ${clientsMax}
defaults
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  ${mode}
frontend web
  bind 127.0.0.1:${port}${secure}
  ${find}
${names.map((name) => `backend ${name}\n${servers}`).join('\n')}
`;
}

function hostsMap(services: number): string {
  const others = Array.from({ length: services - 1 }, (_, index) => `s${index}.example.com s${index}\n`);
  return `${others.join('')}127.0.0.1 asked\n`;
}
