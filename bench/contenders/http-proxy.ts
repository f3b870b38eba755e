import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Contender } from '../contender.ts';

const SERVER = fileURLToPath(new URL('./http-proxy-server.ts', import.meta.url));

export const httpProxy: Contender = {
  name: 'http-proxy',
  probe() {
    const { version } = createRequire(import.meta.url)('http-proxy/package.json') as { version: string };
    return Promise.resolve({ version });
  },
  start({ children, core, port, backendPort }) {
    return children.start(core, process.execPath, [SERVER, String(port), String(backendPort)]);
  },
};
