/** HTTP/2 over TLS: who gets it, and that a session ends as well there as without. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { ListenerDocument } from '../../src/schema/listener.ts';
import { isMissing } from '../helpers/missing-peer.ts';
import { downloadBody } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { appService } from '../helpers/start-proxy.ts';
import { authority, startSecureProxy } from '../helpers/start-secure-proxy.ts';
import { startSession } from '../helpers/start-session.ts';

const MIB = 1 << 20;

async function startSecure(listener: Partial<ListenerDocument> = {}) {
  const backend = await startBackend('v1');
  const proxy = await startSecureProxy({ services: appService({ only: backend }), listener });
  return { backend, proxy, port: proxy.port };
}

/** What the listener would speak with a client that knows these. */
function agreedWith(port: number, protocols: string[]): Promise<string | false> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', ca: authority.cert, ALPNProtocols: protocols }, () => {
      resolve(socket.alpnProtocol ?? '');
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

describe('a listener of https', () => {
  test('offers HTTP/2, and speaks HTTP/1.1 to whoever does not know it', async () => {
    const { port } = await startSecure();
    expect(await agreedWith(port, ['http/1.1', 'h2'])).toBe('h2');
    expect(await agreedWith(port, ['http/1.1'])).toBe('http/1.1');
  });

  test('does not where it is told not to', async () => {
    const { port } = await startSecure({ http2: false });
    expect(await agreedWith(port, ['h2', 'http/1.1'])).toBe('http/1.1');
  });

  test('tells the target by what way the request came', async () => {
    const { port } = await startSecure();
    const { body } = await startSession(port, authority.cert).request({ path: '/echo' });
    const fields = new Map((JSON.parse(body.toString()) as { fields: [string, string][] }).fields);
    expect([fields.get('X-Forwarded-Proto'), fields.get('Via')]).toEqual(['https', '2.0 cutover']);
  });

  test('passes many bodies each way at once, byte for byte', async () => {
    const { port, proxy } = await startSecure();
    const session = startSession(port, authority.cert);
    const up = downloadBody('up', 'load', MIB);
    const sha256 = createHash('sha256').update(up).digest('hex');
    const uploads = Array.from({ length: 6 }, () => session.request({ method: 'POST', path: '/upload', body: up }));
    const downloads = Array.from({ length: 6 }, () =>
      session.request({ path: `/download?bytes=${MIB}&chunked=1`, fields: { 'x-test-id': 'one' } }),
    );
    for (const { body } of await Promise.all(uploads)) expect(JSON.parse(body.toString())).toMatchObject({ sha256 });
    const down = downloadBody('v1', 'one', MIB);
    for (const { body } of await Promise.all(downloads)) expect(body.equals(down)).toBe(true);
    await eventually(async () => expect(await proxy.admin.metric('cutover_requests_in_flight')).toBe(0));
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });

  test('ends a session that rests, or whose client is gone, and forgets it', async () => {
    const { port, proxy } = await startSecure({ timeouts: { keepAlive: '300ms', linger: '200ms' } });
    const [resting, gone] = [startSession(port, authority.cert), startSession(port, authority.cert)];
    await Promise.all([resting.request(), gone.request()]);
    gone.session.socket.destroy();
    await Promise.all([resting.ended, gone.ended]);
    expect(resting.goaways.every(([code]) => code === 0)).toBe(true);
    await eventually(async () => expect(await proxy.admin.metric('cutover_connections')).toBe(0));
  });
});

describe('clients that others have written are served:', () => {
  test.skipIf(isMissing('curl'))('curl', async () => {
    const { port } = await startSecure();
    const own = ['-sSk', '--max-time', '20', '--http2'];
    const { stdout } = await run('curl', [...own, '-w', ' %{http_version}', `https://127.0.0.1:${port}/`]);
    expect(stdout).toBe('v1\n 2');
    const upload = await run('curl', [
      ...own,
      '--data-binary',
      'x'.repeat(100_000),
      `https://127.0.0.1:${port}/upload`,
    ]);
    expect(JSON.parse(upload.stdout)).toMatchObject({ bytes: 100_000 });
  });

  test.skipIf(isMissing('h2load'))('h2load', async () => {
    const { port, proxy } = await startSecure();
    const { stdout } = await run('h2load', ['-c4', '-m8', '-n400', `https://127.0.0.1:${port}/`]);
    expect(stdout).toContain('400 succeeded, 0 failed, 0 errored, 0 timeout');
    expect(await proxy.admin.metric('cutover_requests_total', { code: '200' })).toBe(400);
  });
});

function run(command: string, args: readonly string[]): Promise<{ stdout: string }> {
  return promisify(execFile)(command, args);
}
