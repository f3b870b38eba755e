import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Child } from './children.ts';
import type { Place } from './contender.ts';
import { installed } from './installed.ts';

const RAW_SERVER = fileURLToPath(new URL('./backend-server.ts', import.meta.url));

/** What every contender stands in front of; the same for all in one run. It must be faster than any of them. */
export async function startBackend(
  place: Omit<Place, 'backendPort' | 'clientsMax'>,
): Promise<{ child: Child; kind: string }> {
  const { children, core, port, folder } = place;
  const nginx = await installed('nginx');
  if (nginx === null) {
    return { child: await children.start(core, process.execPath, [RAW_SERVER, String(port)]), kind: 'node:net' };
  }
  const file = join(folder, 'backend.conf');
  await writeFile(file, nginxConfig(port, folder));
  return { child: await children.start(core, nginx, ['-p', folder, '-c', file, '-e', 'stderr']), kind: 'nginx' };
}

function nginxConfig(port: number, folder: string): string {
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 100000000;
  server {
    listen 127.0.0.1:${port};
    default_type text/plain;
    location / { return 200 "Hello from the backend\\n"; }
  }
}
`;
}
