/** HTTPS listeners: who is let in and how, which certificate is shown, and what becomes of those who speak no TLS. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished, test } from 'vitest';

import { startBackend } from '../helpers/start-backend.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { isMissing } from '../helpers/missing-peer.ts';
import { openSocket, type TlsManner } from '../helpers/open-socket.ts';
import { startClient } from '../helpers/start-client.ts';
import { appService, type ProxySetup, type TestProxy } from '../helpers/start-proxy.ts';
import { authority, certificateFiles, secured, startSecureProxy, TRUSTING } from '../helpers/start-secure-proxy.ts';

async function startWorld(listener: ProxySetup['listener'] = {}) {
  const backend = await startBackend('v1');
  const proxy = await startSecureProxy({ services: appService({ only: backend }), listener });
  return { backend, proxy };
}

const client = (proxy: TestProxy, tls: TlsManner = {}) => startClient(proxy.port, { tls: { ...TRUSTING, ...tls } });

async function secure(proxy: TestProxy, tls: TlsManner = {}): Promise<TLSSocket> {
  const socket = (await openSocket({ port: proxy.port }, { ...TRUSTING, ...tls })) as TLSSocket;
  onTestFinished(() => void socket.destroy());
  return socket;
}

function plain(proxy: TestProxy): Socket {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  socket.resume();
  return socket;
}

/** Resolves when it is closed, however that came. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}

async function metric(proxy: TestProxy, line: string): Promise<number> {
  const { text } = await proxy.admin.call('GET', '/metrics');
  const found = text.split('\n').find((one) => one.startsWith(`${line} `));
  return found === undefined ? 0 : Number(found.slice(line.length));
}

const handshakes = (proxy: TestProxy, result: string) =>
  metric(proxy, `cutover_tls_handshakes_total{listener="web",result="${result}"}`);

const openConnections = (proxy: TestProxy) => metric(proxy, 'cutover_connections{listener="web",state="idle"}');

describe('a client that speaks TLS', () => {
  it('is served, and the target is told that it came by https', async () => {
    const { backend, proxy } = await startWorld();
    const one = await client(proxy);
    const answer = await one.request({ host: 'shop.test', path: '/a?b' });
    expect(answer.status).toBe(200);
    const fields = new Map(backend.requests[0]?.fields.map(([name, value]) => [name.toLowerCase(), value]));
    expect(fields.get('x-forwarded-proto')).toBe('https');
    expect(fields.get('x-forwarded-port')).toBe('443');
    expect(fields.get('forwarded')).toBe('for=127.0.0.1;host=shop.test;proto=https');
    expect((await one.request()).status).toBe(200);
    expect(await handshakes(proxy, 'full')).toBe(1);
  });

  it('cannot make the target believe that it came otherwise', async () => {
    const { backend, proxy } = await startWorld();
    const spoofed = ['x-forwarded-proto', 'x-forwarded-scheme'].map((name) => [name, 'http'] as const);
    await (await client(proxy)).request({ fields: [...spoofed, ['x-forwarded-port', '80']] });
    const fields = new Map(backend.requests[0]?.fields.map(([name, value]) => [name.toLowerCase(), value]));
    expect(fields.get('x-forwarded-proto')).toBe('https');
    expect(fields.get('x-forwarded-port')).not.toBe('80');
    expect(fields.get('x-forwarded-scheme')).not.toBe('http');
  });

  it('is given cookies for https alone, and redirects that lead back by https', async () => {
    const target = await startRawBackend(() => {
      const location = `http://127.0.0.1:${target.port}/there`;
      return { response: `HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n` };
    });
    const services = appService({ only: { version: '', url: target.url } }, { sticky: { cookie: 'sid' } });
    const answer = await (await client(await startSecureProxy({ services }))).request({ host: 'shop.test' });
    expect(answer.field('set-cookie')).toMatch(/; Secure$/);
    expect(answer.field('location')).toBe('https://shop.test/there');
  });

  it('is offered HTTP/1.1 by ALPN, and needs to name no protocol', async () => {
    const { proxy } = await startWorld();
    expect((await secure(proxy, { ALPNProtocols: ['http/1.1'] })).alpnProtocol).toBe('http/1.1');
    expect((await secure(proxy)).alpnProtocol).toBe(false);
  });

  it('that only knows protocols which are not offered is refused in the handshake', async () => {
    const { proxy } = await startWorld();
    await expect(secure(proxy, { ALPNProtocols: ['spdy/3'] })).rejects.toThrow(/no application protocol/i);
    await eventually(async () => expect(await handshakes(proxy, 'failed')).toBe(1));
  });

  it('speaks TLS 1.2 or 1.3, and 1.3 alone where nothing older may be spoken', async () => {
    const { proxy } = await startWorld();
    expect((await secure(proxy, { maxVersion: 'TLSv1.2' })).getProtocol()).toBe('TLSv1.2');
    expect((await secure(proxy)).getProtocol()).toBe('TLSv1.3');
    const strict = (await startWorld(secured([certificateFiles()], { minVersion: '1.3' }))).proxy;
    expect((await secure(strict)).getProtocol()).toBe('TLSv1.3');
    await expect(secure(strict, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version/);
  });

  it('gets no cipher without forward secrecy or authenticated encryption', async () => {
    const { proxy } = await startWorld();
    const old = 'AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA';
    await expect(secure(proxy, { maxVersion: 'TLSv1.2', ciphers: old })).rejects.toThrow(/handshake failure/);
  });

  it('may not ask for new keys in the middle of a connection', async () => {
    const { proxy } = await startWorld();
    const socket = await secure(proxy, { maxVersion: 'TLSv1.2' });
    const refused = new Promise<Error>((resolve) => socket.once('error', resolve));
    socket.renegotiate({}, () => {});
    expect((await refused).message).toMatch(/no renegotiation/);
    socket.destroy();
    await eventually(async () => expect(await openConnections(proxy)).toBe(0));
    expect((await (await client(proxy)).request()).status).toBe(200);
  });
});

describe('the certificate that is shown', () => {
  const shop = () => certificateFiles(['dns:shop.test', 'dns:*.shop.test']);
  const blog = () => certificateFiles(['dns:blog.shop.test', 'dns:BLOG.test']);

  const shown = async (proxy: TestProxy, servername: string) =>
    (await secure(proxy, { servername, rejectUnauthorized: false })).getPeerCertificate().subjectaltname;

  it('is the one with the name that the client asks for, exactly before by a wildcard, else the first', async () => {
    const { proxy } = await startWorld(secured([shop(), blog()]));
    const [ofShop, ofBlog] = ['DNS:shop.test, DNS:*.shop.test', 'DNS:blog.shop.test, DNS:BLOG.test'];
    expect(await shown(proxy, 'shop.test')).toBe(ofShop);
    expect(await shown(proxy, 'www.shop.test')).toBe(ofShop);
    expect(await shown(proxy, 'blog.shop.test')).toBe(ofBlog);
    expect(await shown(proxy, 'Blog.Shop.TEST')).toBe(ofBlog);
    expect(await shown(proxy, 'blog.test')).toBe(ofBlog);
    expect(await shown(proxy, 'a.b.shop.test')).toBe(ofShop);
    expect(await shown(proxy, 'a.b.c')).toBe(ofShop);
    expect(await shown(proxy, 'localhost')).toBe(ofShop);
    expect(await shown(proxy, '')).toBe(ofShop);
  });

  it('is chosen whatever stands in the name', async () => {
    const { proxy } = await startWorld(secured([shop(), blog()]));
    for (const name of ['__proto__', 'constructor', '*.shop.test', '.', 'a..shop.test', 'x'.repeat(250)]) {
      await shown(proxy, name);
    }
    expect((await (await client(proxy, { servername: 'shop.test' })).request()).status).toBe(200);
  });
});

describe('a client that speaks no TLS', () => {
  it('is closed when it sends plain HTTP, and counted', async () => {
    const { proxy, backend } = await startWorld();
    const socket = plain(proxy);
    socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
    await closed(socket);
    await eventually(async () => expect(await handshakes(proxy, 'plain_http')).toBe(1));
    expect(await openConnections(proxy)).toBe(0);
    expect(backend.requests).toEqual([]);
  });

  it('is closed when it sends garbage, in one piece or byte by byte', async () => {
    const { proxy } = await startWorld();
    for (const bytes of [Buffer.alloc(4_000, 0xff), Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), Buffer.alloc(64)]) {
      const socket = plain(proxy);
      socket.write(bytes);
      await closed(socket);
    }
    const slow = plain(proxy);
    for (const byte of Buffer.from('HELO mail.test')) {
      if (!slow.destroyed) slow.write(Buffer.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await closed(slow);
    await eventually(async () => {
      const results = ['failed', 'plain_http', 'client_gone'].map((result) => handshakes(proxy, result));
      expect((await Promise.all(results)).reduce((sum, count) => sum + count)).toBe(4);
    });
    expect(await openConnections(proxy)).toBe(0);
  });

  it('is closed when it says nothing for too long, also in the middle of a handshake', async () => {
    const { proxy } = await startWorld({ ...secured(), timeouts: { handshake: '200ms' } });
    const [silent, halfway] = [plain(proxy), plain(proxy)];
    halfway.write(Buffer.from('160301', 'hex'));
    await Promise.all([closed(silent), closed(halfway)]);
    await eventually(async () => expect(await handshakes(proxy, 'timeout')).toBe(2));
    expect(await openConnections(proxy)).toBe(0);
  });

  it('leaves nothing behind when it goes before the handshake', async () => {
    const { proxy } = await startWorld();
    const [ends, resets] = [plain(proxy), plain(proxy)];
    await eventually(async () => expect(await openConnections(proxy)).toBe(2));
    ends.end();
    resets.resetAndDestroy();
    await closed(ends);
    await eventually(async () => expect(await handshakes(proxy, 'client_gone')).toBe(2));
    expect(await openConnections(proxy)).toBe(0);
  });

  it('counts among the connections of its address', async () => {
    const { proxy } = await startWorld({ ...secured(), limits: { connectionsPerClient: 1 } });
    const first = plain(proxy);
    const second = plain(proxy);
    await closed(second);
    first.destroy();
    await eventually(async () => expect((await (await client(proxy)).request()).status).toBe(200));
  });
});

test('a connection on which TLS breaks after the handshake is ended', async () => {
  const { proxy } = await startWorld();
  const carrier = plain(proxy);
  carrier.pause();
  const socket = connectTls({ socket: carrier, servername: 'localhost', ca: authority.cert });
  await once(socket, 'secureConnect');
  socket.on('error', () => {});
  // A record that nobody with the keys has made, below what is spoken.
  const { fd } = (carrier as unknown as { _handle: { fd: number } })._handle;
  writeSync(fd, Buffer.concat([Buffer.from('1703030020', 'hex'), Buffer.alloc(32)]));
  await closed(socket);
  await eventually(async () => expect(await openConnections(proxy)).toBe(0));
});

test.skipIf(isMissing('curl'))('curl is served', async () => {
  const { proxy } = await startWorld();
  const files = certificateFiles();
  files.write({ cert: authority.cert });
  const url = `https://localhost:${proxy.port}/x`;
  const run = promisify(execFile);
  const { stdout } = await run('curl', ['-sS', '--http1.1', '--cacert', files.cert, '-w', '\\n%{http_code}', url]);
  expect(stdout.endsWith('\n200')).toBe(true);
});
