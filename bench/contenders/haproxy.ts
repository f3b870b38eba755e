import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender } from '../contender.ts';
import { installed, versionOf } from '../installed.ts';

/** One thread; any connection to the backend reused for any client; nothing logged. */
export const haproxy: Contender = {
  name: 'haproxy',
  async probe() {
    const path = await installed('haproxy');
    return path === null ? { missing: 'not installed' } : { version: await versionOf(path, ['-v'], /\d[\d.]+/) };
  },
  async start({ children, core, port, backendPort, clientsMax, folder }) {
    const config = `
global
  nbthread 1
  maxconn ${clientsMax}
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  option forwardfor
  http-reuse always
frontend web
  bind 127.0.0.1:${port}
  default_backend backend
backend backend
  server s1 127.0.0.1:${backendPort}
`;
    const file = join(folder, 'haproxy.cfg');
    await writeFile(file, config);
    return children.start(core, (await installed('haproxy')) ?? 'haproxy', ['-db', '-f', file]);
  },
};
