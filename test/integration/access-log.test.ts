/** The access log: a line for each request that is over, however it ended, and nothing that a client can do to it. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { createProxy, type ServiceConfiguration } from '../../src/index.ts';
import type { ConfigDocument } from '../../src/schema/config.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { untilLogged } from '../helpers/log-lines.ts';
import { rawExchange } from '../helpers/raw-client.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { secured, TRUSTING } from '../helpers/start-secure-proxy.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

async function startWorld(
  more: Partial<ServiceConfiguration> = {},
  whole: Partial<ConfigDocument> = {},
  query = false,
) {
  const backend = await startBackend('v1');
  const file = path.join(temporaryFolder(), 'access.log');
  const pools = { only: { version: '1.2.3', targets: [{ url: backend.url }] } };
  const proxy = await createProxy({
    config: {
      listeners: {
        web: { listen: '127.0.0.1:0' },
        h2c: { listen: '127.0.0.1:0', http2: true },
        tls: { listen: '127.0.0.1:0', ...secured() },
      },
      admin: { listen: '127.0.0.1:0' },
      state: { path: 'memory' },
      accessLog: { path: file, query },
      services: {
        app: { match: { hosts: ['app.test'] }, pools, ...more },
        quiet: { match: { hosts: ['quiet.test'] }, pools, accessLog: false },
      },
      ...whole,
    },
  });
  onTestFinished(async () => void (await proxy.close()));
  return { backend, file, proxy, port: proxy.listener('web').port };
}

const app = { host: 'app.test' };

describe('the access log', () => {
  it('has a line for each request, with who asked for what and what became of it', async () => {
    const { backend, file, port } = await startWorld();
    const fields = [['X-Request-Id', 'abc-1']] as const;
    await ask(port, { ...app, method: 'POST', path: '/upload?token=secret', body: 'hello', fields });
    const [line] = await untilLogged(file, 1);
    expect(line).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      id: expect.any(String),
      listener: 'web',
      client: '127.0.0.1',
      protocol: 'HTTP/1.1',
      method: 'POST',
      host: 'app.test',
      path: '/upload',
      service: 'app',
      generation: 1,
      pool: 'only',
      version: '1.2.3',
      target: backend.target,
      status: 200,
      failure: null,
      durationMs: expect.any(Number),
      waitMs: expect.any(Number),
      tries: 1,
      bytesIn: 5,
      bytesOut: expect.any(Number),
    });
    expect(line?.['durationMs']).toBeGreaterThanOrEqual(line?.['waitMs'] as number);
    expect(line?.['bytesOut']).toBeGreaterThan(20);
    expect(readFileSync(file, 'utf8')).not.toContain('secret');
  });

  it('is what docs/reference/access-log.md says', async () => {
    const { file, port } = await startWorld();
    await ask(port, app);
    const [line = {}] = await untilLogged(file, 1);
    const page = readFileSync(new URL('../../docs/reference/access-log.md', import.meta.url), 'utf8');
    const named = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    expect(named).toEqual(Object.keys(line));
  });

  it('has the query of a path where that was asked for', async () => {
    const { file, port } = await startWorld({}, {}, true);
    await ask(port, { ...app, path: '/a?b=c' });
    expect((await untilLogged(file, 1))[0]).toMatchObject({ path: '/a?b=c' });
  });

  it('has nothing of services that are left out', async () => {
    const { file, port } = await startWorld();
    await ask(port, { host: 'quiet.test' });
    await ask(port, app);
    expect(await untilLogged(file, 1)).toMatchObject([{ service: 'app' }]);
  });

  it('tells the protocol, and who came by a trusted proxy', async () => {
    const { file, port, proxy } = await startWorld({}, { trustedProxies: ['127.0.0.1'] });
    await ask(port, { ...app, version: '1.0', fields: [['X-Forwarded-For', '203.0.113.9']] });
    await ask(proxy.listener('tls').port, app, { tls: TRUSTING });
    const session = connect(`http://127.0.0.1:${proxy.listener('h2c').port}`);
    onTestFinished(() => session.destroy());
    session.on('error', () => {});
    const stream = session.request({ ':authority': 'app.test', ':path': '/over-2' }).resume();
    await once(stream, 'close');
    const lines = await untilLogged(file, 3);
    expect(lines).toMatchObject([
      { protocol: 'HTTP/1.0', client: '203.0.113.9', listener: 'web' },
      { protocol: 'HTTP/1.1', client: '127.0.0.1', listener: 'tls' },
      { protocol: 'HTTP/2.0', listener: 'h2c', path: '/over-2', status: 200, tries: 1 },
    ]);
  });

  it('has a line for each request of a connection, pipelined ones too', async () => {
    const { file, port } = await startWorld();
    const client = await startClient(port);
    await client.pipeline(Array.from({ length: 5 }, (_, n) => ({ ...app, path: `/${n}` })));
    expect((await untilLogged(file, 5)).map((line) => line['path'])).toEqual(['/0', '/1', '/2', '/3', '/4']);
  });
});

describe('a request that no service takes', () => {
  it('is logged: an unknown host, and a head that cannot be read', async () => {
    const { file, port } = await startWorld();
    await ask(port, { host: 'nobody.test', path: '/x?y' });
    await rawExchange({ port, bytes: Buffer.from('GET /\x01 HTTP/1.1\r\n\r\n') });
    await rawExchange({ port, bytes: Buffer.from(`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`) });
    const refused = { service: null, generation: null, listener: 'web', client: '127.0.0.1' };
    const lines = await untilLogged(file, 3);
    expect(lines).toMatchObject([
      { ...refused, method: 'GET', host: 'nobody.test', path: '/x', status: 404, failure: 'no_service' },
      { ...refused, method: null, host: null, path: null, status: 400, failure: 'malformed_request' },
      { ...refused, status: 414, failure: 'target_too_long' },
    ]);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(3);
  });

  it('is logged once behind one that was taken, on the same connection', async () => {
    const { file, port } = await startWorld();
    await rawExchange({ port, bytes: Buffer.from('GET /a HTTP/1.1\r\nHost: app.test\r\n\r\nnonsense\r\n\r\n') });
    expect(await untilLogged(file, 2)).toMatchObject([
      { service: 'app', status: 200, failure: null },
      { service: null, status: 400, failure: 'malformed_request' },
    ]);
  });
});

describe('a request that is not answered by a target', () => {
  it('is logged with what stood in its way', async () => {
    const rules = [
      { name: 'gone', when: { path: '/gone' }, respond: { status: 410 } },
      { name: 'idle', when: { path: '/idle' }, pool: 'idle' },
    ];
    const dead = await startBackend('dead');
    const { target, url } = dead;
    await dead.close();
    const pools = {
      only: { targets: [{ url }] },
      idle: { targets: [{ url: 'http://127.0.0.1:1', state: 'maint' as const }] },
    };
    const { file, port } = await startWorld({ pools, rules, split: { only: 100 }, limits: { requestBody: '1KiB' } });
    await ask(port, { ...app, path: '/gone' });
    await ask(port, { ...app, path: '/idle' });
    await ask(port, { ...app, path: '/%2e' });
    await ask(port, { ...app, method: 'POST', body: 'x'.repeat(2_000) });
    await ask(port, app);
    expect(await untilLogged(file, 5)).toMatchObject([
      { status: 410, failure: null, service: 'app', pool: null, target: null, tries: 0, waitMs: null },
      { status: 503, failure: 'no_target', service: 'app', pool: 'idle', target: null, tries: 0 },
      { status: 400, failure: 'ambiguous_path', service: 'app', pool: null },
      { status: 413, failure: 'body_too_large', service: 'app', pool: null },
      { status: 502, failure: 'connect_refused', pool: 'only', target, waitMs: null },
    ]);
  });

  it('is logged where its client had to go away, or waited for the end of a pause in vain', async () => {
    const { backend, file, port } = await startWorld();
    const client = await startClient(port);
    void client.request({ ...app, path: '/hold' }).catch(() => {});
    await eventually(() => expect(backend.held).toBe(1));
    client.reset();
    expect(await untilLogged(file, 1)).toMatchObject([
      { status: 499, failure: 'client_closed', path: '/hold', tries: 1 },
    ]);
    const paused = await startWorld({ pause: { timeout: '100ms' }, rateLimit: { rate: '1/h' } });
    await ask(paused.port, app);
    await ask(paused.port, app);
    expect(await untilLogged(paused.file, 2)).toMatchObject([
      { status: 503, failure: 'hold_timeout', path: '/', service: 'app' },
      { status: 429, failure: 'rate_limited', path: '/', service: 'app' },
    ]);
  });

  it('is logged with its tries, and where the target breaks its answer off', async () => {
    const target = await startRawBackend({
      response: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc',
      after: 'close',
    });
    const broken = await startWorld({ pools: { only: { targets: [{ url: target.url }] } } });
    await ask(broken.port, app).catch(() => {});
    expect(await untilLogged(broken.file, 1)).toMatchObject([
      { status: 200, failure: 'upstream_truncated', bytesOut: 3, tries: 1 },
    ]);
    const failing = await startRawBackend({ response: 'HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n' });
    const retried = await startWorld({
      pools: { only: { targets: [{ url: failing.url }] } },
      retries: { on: [503], tries: 2 },
    });
    await ask(retried.port, app);
    expect(await untilLogged(retried.file, 1)).toMatchObject([{ status: 503, failure: null, tries: 3 }]);
  });
});

describe('what a client says', () => {
  it('cannot make a line, nor end one', async () => {
    const { file, port } = await startWorld({}, {}, true);
    const nasty = `/"},\\u000a{"status":200}\\\\`;
    await rawExchange({ port, bytes: Buffer.from(`GET ${nasty} HTTP/1.1\r\nHost: app.test\r\n\r\n`, 'latin1') });
    const id = 'evil","status":1,"x":"\u00e9\u0085';
    await rawExchange({
      port,
      bytes: Buffer.from(`GET / HTTP/1.1\r\nHost: app.test\r\nX-Request-Id: ${id}\r\n\r\n`, 'latin1'),
    });
    const lines = await untilLogged(file, 2);
    expect(lines.length).toBe(2);
    expect(lines.map((line) => line['status'])).toEqual(expect.arrayContaining([expect.any(Number)]));
    // Nothing but ASCII, and no control but the end of a line.
    expect(readFileSync(file, 'latin1')).toMatch(/^[\x20-\x7e\n]*$/);
  });

  it('is cut where it is long, so that a line is written whole whoever else writes', async () => {
    const { file, port } = await startWorld();
    const long = `/${'%22'.repeat(5_000)}`;
    await ask(port, { ...app, path: long, method: 'GET', fields: [['X-Request-Id', 'x'.repeat(200)]] });
    const [line = {}] = await untilLogged(file, 1);
    expect(String(line['path']).length).toBeLessThanOrEqual(2_048);
    expect(readFileSync(file).length).toBeLessThan(4_096);
  });
});

it('a log that cannot be written to keeps the program from starting, and says why', async () => {
  const config = {
    listeners: { web: { listen: '127.0.0.1:0' } },
    admin: { listen: '127.0.0.1:0' },
    state: { path: 'memory' },
    accessLog: { path: path.join(temporaryFolder(), 'none', 'access.log') },
  };
  await expect(createProxy({ config })).rejects.toThrow(/accessLog\.path: .*access\.log cannot be written to: ENOENT/);
});
