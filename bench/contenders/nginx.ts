import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender } from '../contender.ts';
import { installed, versionOf } from '../installed.ts';

/** One worker; connections to the backend kept; nothing logged. Connections serve as many requests as come. */
export const nginx: Contender = {
  name: 'nginx',
  async probe() {
    const path = await installed('nginx');
    return path === null ? { missing: 'not installed' } : { version: await versionOf(path, ['-v'], /[\d.]+/) };
  },
  async start({ children, core, port, backendPort, clientsMax, folder }) {
    const config = `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections ${clientsMax}; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 100000000;
  upstream backend {
    server 127.0.0.1:${backendPort};
    keepalive 256;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`;
    const file = join(folder, 'nginx.conf');
    await writeFile(file, config);
    return children.start(core, (await installed('nginx')) ?? 'nginx', ['-p', folder, '-c', file, '-e', 'stderr']);
  },
};
