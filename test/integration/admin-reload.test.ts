/**
 * Who may call the admin API, while it runs: SIGHUP takes over other tokens and certificates, all or nothing; the API
 * itself never does. And the end: answers that are held go out.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { get as getTls } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

import { type Primary, startPrimary } from '../../src/primary.ts';
import type { AdminDocument } from '../../src/schema/admin.ts';
import type { ConfigDocument } from '../../src/schema/config.ts';
import { createAuthority } from '../helpers/certificates.ts';
import { eventually } from '../helpers/eventually.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { readAdminSettings } from '../../src/control/admin/admin-settings.ts';
import { withDefaults } from '../../src/schema/with-defaults.ts';
import { startAdmin } from '../helpers/start-admin.ts';

type Token = NonNullable<AdminDocument['tokens']>[number];

const secretOf = (name: string): string => `ctv_secret-of-${name}`;
const bearer = (name: string) => ({ authorization: `Bearer ${secretOf(name)}` });

function token(name: string, role: Token['role'] = 'admin'): Token {
  return { name, role, sha256: createHash('sha256').update(secretOf(name)).digest('hex') };
}

function configWith(admin: AdminDocument, version = '1'): ConfigDocument {
  return {
    listeners: { web: { listen: '127.0.0.1:0' } },
    admin: { listen: '127.0.0.1:0', ...admin },
    state: { path: 'memory' },
    workers: 0,
    services: { app: { pools: { only: { version, targets: [] } } } },
  };
}

async function start(config: ConfigDocument): Promise<Primary> {
  const primary = await startPrimary(config, { log: { info() {}, warn() {}, error() {} }, source: 'cutover.yaml' });
  onTestFinished(async () => void (await primary.close()));
  return primary;
}

async function statusFor(primary: Primary, name: string | null, target = '/v1/services'): Promise<number> {
  const response = await fetch(primary.admin.url + target, { headers: name === null ? {} : bearer(name) });
  await response.arrayBuffer();
  return response.status;
}

function folder(): (name: string, text: string) => string {
  const at = mkdtempSync(path.join(tmpdir(), 'cutover-reload-'));
  onTestFinished(() => rmSync(at, { recursive: true }));
  return (name, text) => {
    writeFileSync(path.join(at, name), text, { mode: 0o600 });
    return path.join(at, name);
  };
}

const versionOf = async (primary: Primary, as: string): Promise<string> => {
  const response = await fetch(`${primary.admin.url}/v1/services/app/pools/only`, { headers: bearer(as) });
  return ((await response.json()) as { version: string }).version;
};

describe('a file that is read again', () => {
  it('replaces the tokens: those that are gone are refused from then on', async () => {
    const primary = await start(configWith({ tokens: [token('old'), token('ops')] }));
    expect([await statusFor(primary, 'old'), await statusFor(primary, 'new')]).toEqual([200, 401]);
    await primary.reload(configWith({ tokens: [token('new'), token('ops')] }, '2'), 'cutover.yaml');
    expect([await statusFor(primary, 'old'), await statusFor(primary, 'new')]).toEqual([401, 200]);
    expect(await versionOf(primary, 'ops')).toBe('2');
  });

  it('has the file of tokens read again too', async () => {
    const write = folder();
    const tokensFile = write('tokens.yaml', JSON.stringify([token('old')]));
    const config = configWith({ tokensFile });
    const primary = await start(config);
    write('tokens.yaml', JSON.stringify([token('new')]));
    expect(await statusFor(primary, 'old')).toBe(200);
    await primary.reload(config, 'cutover.yaml');
    expect([await statusFor(primary, 'old'), await statusFor(primary, 'new')]).toEqual([401, 200]);
    write('tokens.yaml', '[]');
    await primary.reload(config, 'cutover.yaml');
    expect([await statusFor(primary, 'new'), await statusFor(primary, null)]).toEqual([401, 401]);
  });

  it('changes nothing at all where the file of tokens is wrong', async () => {
    const write = folder();
    const tokensFile = write('tokens.yaml', JSON.stringify([token('ops')]));
    const primary = await start(configWith({ tokensFile }));
    write('tokens.yaml', '- { name: ops, sha256: short, role: admin }');
    await expect(primary.reload(configWith({ tokensFile }, '2'), 'cutover.yaml')).rejects.toThrow(
      /tokens\.yaml:1:\d+: \/0\/sha256: must be the SHA-256/,
    );
    expect(await versionOf(primary, 'ops')).toBe('1');
  });

  it('changes nothing at all where a key is not that of its certificate', async () => {
    const authority = createAuthority();
    const write = folder();
    const { cert, key } = authority.issue({ names: ['ip:127.0.0.1'] });
    const tls = { cert: write('cert.pem', cert), key: write('key.pem', key) };
    const primary = await start(configWith({ tls, tokens: [token('ops')] }));
    write('key.pem', authority.issue({ names: ['dns:other'] }).key);
    const next = configWith({ tls, tokens: [token('new')] }, '2');
    await expect(primary.reload(next, 'cutover.yaml')).rejects.toThrow(/is not the key of the first certificate/);
    const status = await new Promise((resolve, reject) => {
      const options = { ca: authority.cert, headers: bearer('ops') };
      getTls(`${primary.admin.url}/v1/services`, options, (response) => resolve(response.resume().statusCode)).on(
        'error',
        reject,
      );
    });
    expect(status).toBe(200);
  });

  it.each<[what: string, admin: AdminDocument]>([
    ['another address', { listen: '127.0.0.1:9' }],
    ['TLS', { tls: { cert: 'cert.pem', key: 'key.pem' } }],
  ])('cannot bring %s without a restart', async (_what, admin) => {
    const write = folder();
    const { cert, key } = createAuthority().issue({ names: ['ip:127.0.0.1'] });
    const files = { cert: write('cert.pem', cert), key: write('key.pem', key) };
    const primary = await start(configWith({ tokens: [token('ops')] }));
    const next = configWith({ tokens: [token('new')], ...admin, ...(admin.tls === undefined ? {} : { tls: files }) });
    await expect(primary.reload(next, 'cutover.yaml')).rejects.toMatchObject({ code: 'restart-required' });
    expect([await statusFor(primary, 'ops'), await statusFor(primary, 'new')]).toEqual([200, 401]);
  });
});

describe('the API itself', () => {
  it('changes no tokens, whoever asks: else its callers could make themselves what they like', async () => {
    const tokens = [token('ops'), token('deployer', 'configure')];
    const primary = await start(configWith({ tokens }));
    const post = async (name: string, config: ConfigDocument) => {
      const headers = { ...bearer(name), 'content-type': 'application/json' };
      const response = await fetch(`${primary.admin.url}/v1/config`, {
        method: 'POST',
        headers,
        body: JSON.stringify(config),
      });
      await response.arrayBuffer();
      return response.status;
    };
    const greedy = configWith({ tokens: [...tokens, token('mine')] });
    expect([await post('deployer', greedy), await post('ops', greedy)]).toEqual([409, 409]);
    expect([await post('ops', configWith({})), await statusFor(primary, 'mine')]).toEqual([409, 401]);
    expect(await post('deployer', configWith({ tokens }, '2'))).toBe(200);
  });

  it('is not a target, even on a port that was left to chance', async () => {
    const primary = await start(configWith({}));
    const put = async (url: string) => {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ targets: [{ url }] });
      const response = await fetch(`${primary.admin.url}/v1/services/app/pools/only`, { method: 'PUT', headers, body });
      await response.arrayBuffer();
      return response.status;
    };
    const { port } = new URL(primary.admin.url);
    const web = primary.listener('web').port;
    expect(
      await Promise.all([primary.admin.url, `http://localhost:${port}`, `http://127.0.0.1:${web}`].map(put)),
    ).toEqual([422, 422, 422]);
    expect(await put('http://127.0.0.1:1')).toBe(200);
  });
});

it('events end for a watcher whose token is withdrawn', async () => {
  const clock = manualClock();
  const admin = { tokens: [token('watcher', 'read')] };
  const world = await startAdmin(undefined, undefined, { admin, clock });
  const response = await fetch(`${world.admin.url}/v1/events`, { headers: bearer('watcher') });
  const { admin: next } = withDefaults(configWith({ tokens: [token('other')] }));
  world.server.use(await readAdminSettings(next, Date.now()));
  const seen = response.text();
  clock.advance(15_000);
  expect(await seen).toBe(': watching\n\n');
});

it('metrics count who was not let in, by why', async () => {
  const primary = await start(configWith({ tokens: [token('ops')] }));
  for (const name of [null, null, 'wrong']) expect(await statusFor(primary, name)).toBe(401);
  const metrics = await (await fetch(`${primary.admin.url}/metrics`, { headers: bearer('ops') })).text();
  expect(metrics).toContain('cutover_admin_auth_failures_total{reason="missing"} 2\n');
  expect(metrics).toContain('cutover_admin_auth_failures_total{reason="unknown"} 1\n');
  expect(metrics).toContain('cutover_admin_auth_failures_total{reason="throttled"} 0\n');
});

it('SIGHUP reads the tokens again', async () => {
  const write = folder();
  const tokensFile = write('tokens.yaml', JSON.stringify([token('old')]));
  const file = write('cutover.json', JSON.stringify(configWith({ tokensFile })));
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
  const child = spawn(process.execPath, [main, 'run', '--config', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  let log = '';
  child.stdout.on('data', (chunk) => (log += String(chunk)));
  const url = await eventually(() => {
    const ready = log.split('\n').find((line) => line.includes('admin API ready'));
    if (ready === undefined) throw new Error('not ready yet');
    return String(JSON.parse(ready).url);
  }, 20_000);
  const status = async (name: string) => (await fetch(`${url}/v1/services`, { headers: bearer(name) })).status;
  expect([await status('old'), await status('new')]).toEqual([200, 401]);
  write('tokens.yaml', JSON.stringify([token('new')]));
  child.kill('SIGHUP');
  await eventually(async () => expect([await status('old'), await status('new')]).toEqual([401, 200]));
});

describe('a control plane that stops', () => {
  it('lets held answers go out as they are, before the API is closed', async () => {
    const world = await startAdmin();
    world.dataPlane.setInFlight('shop', 'blue', 3);
    const headers = { prefer: 'wait=60' };
    const held = world.call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' }, headers });
    await eventually(() => expect(world.dataPlane.tracked).toHaveLength(1));
    await world.control.stop();
    await world.admin.close();
    const { status, json } = await held;
    expect([status, json.drain]).toMatchObject([201, { state: 'draining', remaining: 3 }]);
  });

  it('takes no more calls (503), but to the probes', async () => {
    const world = await startAdmin();
    await world.control.stop();
    for (const target of ['/v1/status', '/v1/audit', '/metrics']) {
      const { status, json } = await world.call('GET', target);
      expect([target, status, json.type]).toEqual([target, 503, 'urn:cutover:problem:shutting-down']);
    }
    expect((await world.call('GET', '/healthz')).status).toBe(200);
    expect((await world.call('GET', '/readyz')).status).toBe(503);
  });
});

it('answers that are held for the end of a drain go out when the proxy ends', async () => {
  let finish = (): void => {};
  const backend = createServer((_request, response) => {
    response.write('begun');
    finish = () => response.end();
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void backend.close());
  await once(backend, 'listening');
  const { port } = backend.address() as { port: number };
  const pool = { targets: [{ url: `http://127.0.0.1:${port}` }] };
  const services = { app: { pools: { blue: pool, green: pool }, split: { blue: 100 } } };
  const primary = await start({ ...configWith({}), services });
  const underWay = await fetch(`http://127.0.0.1:${primary.listener('web').port}/`);
  const headers = { 'content-type': 'application/json', prefer: 'wait=60' };
  const held = fetch(`${primary.admin.url}/v1/services/app/cutovers`, {
    method: 'POST',
    headers,
    body: '{"to":"green"}',
  });
  await eventually(async () => {
    const {
      services: [app],
    } = (await (await fetch(`${primary.admin.url}/v1/status`)).json()) as { services: { split: object }[] };
    expect(app?.split).toEqual({ green: 100 });
  });
  const closed = primary.close({ drainMs: 100 });
  const answer = await held;
  expect([answer.status, await answer.json()]).toMatchObject([201, { service: 'app', to: { green: 100 } }]);
  finish();
  await underWay.arrayBuffer().catch(() => {});
  await closed;
});
