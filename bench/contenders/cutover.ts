import { access, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Contender } from '../contender.ts';
import { freePort } from '../free-port.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** This program: one process for data plane and control plane, metrics on as always. */
export const cutover: Contender = {
  name: 'cutover',
  async probe() {
    try {
      await access(MAIN);
    } catch {
      return { missing: `${MAIN} is not there` };
    }
    const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
    return { version };
  },
  async start({ children, core, port, backendPort, clientsMax, folder }) {
    const config = {
      listeners: {
        web: { listen: `127.0.0.1:${port}`, limits: { requestsPerConnection: 100_000_000, connections: clientsMax } },
      },
      admin: { listen: `127.0.0.1:${await freePort()}` },
      state: { path: 'memory' },
      workers: 0,
      services: { bench: { pools: { only: { targets: [{ url: `http://127.0.0.1:${backendPort}` }] } } } },
    };
    const file = join(folder, 'cutover.json');
    await writeFile(file, JSON.stringify(config));
    return children.start(core, process.execPath, [MAIN, 'run', '--config', file]);
  },
};
