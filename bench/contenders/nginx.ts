import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender, Feature, Place } from '../contender.ts';
import { installed, versionOf } from '../installed.ts';

/** Where Debian's package has TCP, which is a module of its own there. */
const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';
/** Connections to the backend that are kept. */
const KEPT_MIN = 256;

/** One worker; connections to the backend kept; nothing logged. Connections serve as many requests as come. */
export const nginx: Contender = {
  name: 'nginx',
  isNative: true,
  async probe() {
    const path = await installed('nginx');
    if (path === null) return { missing: 'not installed' };
    const features: Feature[] = ['http', 'https', 'http2', 'websocket', 'access log', 'services', 'targets'];
    if (await isThere(STREAM_MODULE)) features.push('tcp');
    return { version: await versionOf(path, ['-v'], /[\d.]+/), features };
  },
  async start(place) {
    const { children, core, folder } = place;
    const file = join(folder, 'nginx.conf');
    await writeFile(file, configOf(place));
    return children.start(core, (await installed('nginx')) ?? 'nginx', ['-p', folder, '-c', file, '-e', 'stderr']);
  },
};

function configOf(place: Place): string {
  const { folder, clientsMax, targets, setting } = place;
  const connections = 2 * clientsMax + 2 * targets.length;
  const main = `
daemon off;
worker_processes 1;
worker_rlimit_nofile ${connections + 100};
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections ${connections}; }
`;
  if (setting.entry === 'tcp') return `load_module ${STREAM_MODULE};${main}${stream(place)}`;
  return main + http(place);
}

function stream({ port, targets }: Place): string {
  return `
stream {
  upstream backend { ${targets.map((target) => `server ${target};`).join(' ')} }
  server { listen 127.0.0.1:${port}; proxy_pass backend; }
}
`;
}

function http(place: Place): string {
  const { port, folder, targets, setting, certificate } = place;
  const { entry, http2, accessLog, services = 1 } = setting;
  const listen = `listen 127.0.0.1:${port}${entry === 'https' ? ' ssl' : ''}${http2 === true ? ' http2' : ''};`;
  const secure =
    certificate === null ? '' : `ssl_certificate ${certificate.cert}; ssl_certificate_key ${certificate.key};`;
  const server = (name: string): string => `
  server {
    ${listen}
    server_name ${name};
    location / { proxy_pass http://backend; }
  }`;
  const others = Array.from({ length: services - 1 }, (_, index) => server(`s${index}.example.com`));
  return `
http {
  access_log ${accessLog === true ? `${folder}/access.log combined` : 'off'};
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server_names_hash_max_size 65536;
  server_names_hash_bucket_size 128;
  keepalive_requests 100000000;
  client_max_body_size 0;
  ${entry === 'https' ? `${secure}\n  ssl_session_cache shared:tls:10m;` : ''}
  upstream backend {
    ${targets.map((target) => `server ${target};`).join('\n    ')}
    keepalive ${Math.max(KEPT_MIN, 2 * targets.length)};
    keepalive_requests 100000000;
  }
  proxy_http_version 1.1;
  proxy_request_buffering off;
  ${connectionFields(setting.websocket === true)}
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
${others.join('')}${server('127.0.0.1')}
}
`;
}

/** As nginx's own manual has it for each case: with the fields for WebSocket, connections to the backend are not kept. */
function connectionFields(isWebsocket: boolean): string {
  if (!isWebsocket) return 'proxy_set_header Connection "";';
  return 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
