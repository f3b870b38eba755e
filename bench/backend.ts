import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Child } from './children.ts';
import type { Place } from './contender.ts';
import { installed } from './installed.ts';

const RAW_SERVER = fileURLToPath(new URL('./backend-server.ts', import.meta.url));

/** Sizes in bytes of what is there at "/bytes/SIZE". */
export const BODY_SIZES = [10_240, 1_048_576] as const;

export interface BackendPlace extends Pick<Place, 'children' | 'core' | 'port' | 'folder'> {
  /** Addresses besides 127.0.0.1 that it listens on, all at the same port. */
  readonly addresses?: readonly string[];
}

/**
 * What every contender stands in front of; the same for all in one run. It must be faster than any of them. It answers
 * with a line at "/" and with so many bytes at "/bytes/SIZE".
 */
export async function startBackend(place: BackendPlace): Promise<{ child: Child; kind: string }> {
  const { children, core, port, folder, addresses = [] } = place;
  const nginx = await installed('nginx');
  if (nginx === null) return { child: await startRawBackend(place), kind: 'node:net' };
  const root = join(folder, 'www');
  await mkdir(join(root, 'bytes'), { recursive: true });
  for (const size of BODY_SIZES) await writeFile(join(root, 'bytes', String(size)), Buffer.alloc(size, 'x'));
  const file = join(folder, 'backend.conf');
  await writeFile(file, nginxConfig(port, folder, ['127.0.0.1', ...addresses]));
  return { child: await children.start(core, nginx, ['-p', folder, '-c', file, '-e', 'stderr']), kind: 'nginx' };
}

/**
 * The same in Node, where there is no nginx, and for what nginx cannot do by itself: answer in chunks ("/chunked"), take a
 * body to its end before it answers, and echo WebSocket messages.
 */
export function startRawBackend({ children, core, port, addresses = [] }: BackendPlace): Promise<Child> {
  return children.start(core, process.execPath, [RAW_SERVER, String(port), '127.0.0.1', ...addresses]);
}

function nginxConfig(port: number, folder: string, addresses: readonly string[]): string {
  return `
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 100000000;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=16;
  server {
    ${addresses.map((address) => `listen ${address}:${port};`).join('\n    ')}
    default_type text/plain;
    location / { return 200 "Hello from the backend\\n"; }
    location /bytes/ { root ${folder}/www; }
  }
}
`;
}
