import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender, Place } from '../contender.ts';
import { installed, versionOf } from '../installed.ts';

/** As its own manual has a reverse proxy, with no admin API and nothing logged. */
export const caddy: Contender = {
  name: 'caddy',
  isNative: true,
  async probe() {
    const path = await installed('caddy');
    if (path === null) return { missing: 'not installed' };
    const features = ['http', 'https', 'http2', 'websocket', 'access log', 'targets'] as const;
    return { version: await versionOf(path, ['version'], /\d[\d.]+/), features };
  },
  async start(place) {
    const { children, core, folder } = place;
    const file = join(folder, 'Caddyfile');
    await writeFile(file, configOf(place));
    // It keeps state below these, wherever else that would be.
    const homes = [`XDG_DATA_HOME=${folder}`, `XDG_CONFIG_HOME=${folder}`, 'GOMAXPROCS=1'];
    const program = (await installed('caddy')) ?? 'caddy';
    return children.start(core, 'env', [...homes, program, 'run', '--adapter', 'caddyfile', '--config', file]);
  },
};

function configOf({ port, targets, folder, setting, certificate }: Place): string {
  const isSecure = setting.entry === 'https';
  const log = setting.accessLog === true ? `log {\n    output file ${folder}/access.log\n  }` : '';
  return `{
  admin off
  auto_https off
  log {
    level ERROR
  }
  servers {
    protocols h1${setting.http2 === true ? ' h2' : ''}
  }
}
${isSecure ? 'https' : 'http'}://127.0.0.1:${port} {
  bind 127.0.0.1
  ${isSecure && certificate !== null ? `tls ${certificate.cert} ${certificate.key}` : ''}
  ${log}
  reverse_proxy ${targets.map((target) => `http://${target}`).join(' ')} {
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
`;
}
