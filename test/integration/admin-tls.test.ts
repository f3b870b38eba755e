/**
 * The admin API over TLS: who may open it to a network, whose certificates let whom in, and what becomes of connections
 * when certificates are replaced.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type RequestOptions, request } from 'node:https';
import { connect } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import { createHash } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';

import { readAdminSettings } from '../../src/control/admin/admin-settings.ts';
import { INSECURE_PHRASE, type AdminDocument } from '../../src/schema/admin.ts';
import { withDefaults } from '../../src/schema/with-defaults.ts';
import { type Issued, createAuthority } from '../helpers/certificates.ts';
import { type AdminWorld, startAdmin } from '../helpers/start-admin.ts';
import { configOf } from '../helpers/start-control.ts';

const TOKEN = 'ctv_only-of-this-test';
const tokens = [{ name: 'ci', sha256: createHash('sha256').update(TOKEN).digest('hex'), role: 'read' as const }];
const BEARER = { authorization: `Bearer ${TOKEN}` };

const authority = createAuthority();
const strangers = createAuthority('other authority');
const ownCertificate = authority.issue({ names: ['dns:localhost', 'ip:127.0.0.1', 'dns:cutover.internal'] });

interface Files {
  readonly folder: string;
  readonly tls: { cert: string; key: string };
  write(name: string, text: string): string;
}

function files(issued: Issued = ownCertificate): Files {
  const folder = mkdtempSync(path.join(tmpdir(), 'cutover-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string): string => {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  return { folder, write, tls: { cert: write('cert.pem', issued.cert), key: write('key.pem', issued.key) } };
}

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

async function get(
  { admin }: Pick<AdminWorld, 'admin'>,
  target: string,
  options: RequestOptions = {},
): Promise<Answer> {
  const { hostname, port } = new URL(admin.url);
  const sent = request({
    host: hostname,
    port,
    path: target,
    ca: authority.cert,
    servername: 'localhost',
    agent: false,
    ...options,
  });
  sent.end();
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, headers: response.headers, text };
}

const startTls = (admin: Omit<AdminDocument, 'listen'>, address = '127.0.0.1:0') =>
  startAdmin(undefined, address, { admin, requestTimeoutMs: 2_000 });

describe('over TLS', () => {
  it('the API is served, to whoever trusts its certificate', async () => {
    const world = await startTls({ tls: files().tls, tokens });
    expect(world.admin.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect((await get(world, '/v1/status', { headers: BEARER })).status).toBe(200);
    expect((await get(world, '/v1/status')).status).toBe(401);
    await expect(get(world, '/v1/status', { ca: strangers.cert })).rejects.toThrow(/certificate/);
  });

  it('many calls at once, and one after the other on one connection, are answered', async () => {
    const world = await startTls({ tls: files().tls, tokens });
    const answers = await Promise.all(Array.from({ length: 100 }, () => get(world, '/v1/status', { headers: BEARER })));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
  });

  it('requests may have the names of the certificate in their Host, and those of admin.hosts, and no others', async () => {
    const world = await startTls({ tls: files().tls, tokens, hosts: ['api.example.com', 'other.example.com:1'] });
    const { port } = new URL(world.admin.url);
    const statusWith = async (host: string) => (await get(world, '/healthz', { headers: { host } })).status;
    for (const host of ['localhost', 'cutover.internal', 'api.example.com']) {
      expect([host, await statusWith(`${host}:${port}`)]).toEqual([host, 200]);
    }
    expect(await statusWith('other.example.com:1')).toBe(200);
    for (const host of [`other.example.com:${port}`, 'api.example.com', `evil.example:${port}`]) {
      expect([host, await statusWith(host)]).toEqual([host, 421]);
    }
  });

  it('a page of our own is one that came over TLS', async () => {
    const world = await startTls({ tls: files().tls, tokens });
    const statusFrom = async (origin: string) =>
      (await get(world, '/v1/status', { headers: { ...BEARER, origin } })).status;
    expect(await statusFrom(world.admin.url)).toBe(200);
    expect(await statusFrom(world.admin.url.replace('https:', 'http:'))).toBe(403);
  });

  it('nothing older than TLS 1.2 is spoken, and nobody comes back by a ticket', async () => {
    const world = await startTls({ tls: files().tls, tokens });
    const { hostname, port } = new URL(world.admin.url);
    const old = connectTls({
      host: hostname,
      port: Number(port),
      ca: authority.cert,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    });
    await expect(once(old, 'secureConnect')).rejects.toThrow();
    const again = { host: hostname, port: Number(port), ca: authority.cert, servername: 'localhost' };
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = connectTls({ ...again, maxVersion });
      let session: Buffer | undefined;
      first.on('session', (one) => (session = one));
      await once(first, 'secureConnect');
      first.write(`GET /healthz HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`);
      first.resume();
      await once(first, 'close');
      const second = connectTls({ ...again, maxVersion, session: session ?? first.getSession() });
      await once(second, 'secureConnect');
      expect([maxVersion, second.isSessionReused()]).toEqual([maxVersion, false]);
      second.destroy();
    }
  });

  it('who speaks no TLS, or never finishes its greeting, is cut off and harms nobody', async () => {
    const world = await startTls({ tls: files().tls, tokens });
    const { hostname, port } = new URL(world.admin.url);
    const plain = connect(Number(port), hostname);
    plain.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    plain.on('error', () => {});
    await once(plain, 'close');
    const silent = connect(Number(port), hostname);
    silent.on('error', () => {});
    await once(silent, 'close');
    expect((await get(world, '/healthz')).status).toBe(200);
  });
});

describe('an address that other machines reach', () => {
  it.each<[what: string, admin: Omit<AdminDocument, 'listen'>]>([
    ['nothing', {}],
    ['tokens alone', { tokens }],
    ['nearly the sentence', { insecure: 'I know' as typeof INSECURE_PHRASE }],
  ])('is not opened with %s', async (_what, admin) => {
    await expect(startTls(admin, '0.0.0.0:0')).rejects.toThrow();
  });

  it('is not opened with TLS alone', async () => {
    await expect(startTls({ tls: files().tls }, '0.0.0.0:0')).rejects.toThrow(/other machines/);
  });

  it('is opened with TLS and tokens', async () => {
    const { server } = await startTls({ tls: files().tls, tokens }, '0.0.0.0:0');
    expect(server.access.isOpen).toBe(false);
  });

  it('is opened by the sentence that says what that means', async () => {
    const { admin } = await startTls({ insecure: INSECURE_PHRASE }, '0.0.0.0:0');
    expect(admin.url).toMatch(/^http:\/\/0\.0\.0\.0:\d+$/);
  });
});

describe('client certificates', () => {
  const deployer = authority.issue({ names: ['uri:spiffe://example.com/deployer'] });
  const nobody = authority.issue({ names: ['dns:nobody.example.com'] });
  const clients = [
    { name: 'deployer', san: 'uri:spiffe://example.com/deployer', role: 'deploy' as const },
    { name: 'admin', san: 'dns:admin.example.com', role: 'admin' as const },
  ];

  async function startMutual(more: Omit<AdminDocument, 'listen'> = {}) {
    const at = files();
    const clientCa = at.write('ca.pem', authority.cert);
    return startTls({ tls: { ...at.tls, clientCa }, clients, ...more });
  }

  it('let in whoever has a role by a name in it, for just that role', async () => {
    const world = await startMutual();
    expect((await get(world, '/v1/status', deployer)).status).toBe(200);
    const cutover = { ...deployer, method: 'POST', headers: { 'content-type': 'application/json' } };
    expect((await get(world, '/v1/services/shop/cutovers', cutover)).status).toBe(400);
    expect((await get(world, '/v1/audit', deployer)).status).toBe(403);
    const refused = (await world.store.audit(2)).find(({ problem }) => problem === 'forbidden');
    expect(refused?.actor).toMatchObject({ name: 'deployer', credential: 'certificate' });
  });

  it('that are good but of nobody let in nobody (401)', async () => {
    const world = await startMutual();
    expect((await get(world, '/v1/status', nobody)).status).toBe(401);
  });

  it('whose name only looks like several let in nobody', async () => {
    const world = await startMutual();
    const forged = authority.issue({ names: ['dns:x, DNS:admin.example.com'] });
    expect((await get(world, '/v1/audit', forged)).status).toBe(401);
    const both = authority.issue({ names: clients.map(({ san }) => san) });
    expect((await get(world, '/v1/audit', both)).status).toBe(401);
  });

  it('go with tokens: then the token says who calls', async () => {
    const world = await startMutual({ tokens });
    expect((await get(world, '/v1/status', { ...nobody, headers: BEARER })).status).toBe(200);
    expect((await get(world, '/v1/workers', { ...deployer, headers: { authorization: 'Bearer wrong' } })).status).toBe(
      401,
    );
    await expect(get(world, '/v1/status', { headers: BEARER })).rejects.toThrow();
  });

  it.each<[what: string, issued: Issued | null]>([
    ['none', null],
    ['one of another authority', strangers.issue({ names: ['uri:spiffe://example.com/deployer'] })],
    [
      'one that has expired',
      authority.issue({ names: ['uri:spiffe://example.com/deployer'], validTo: new Date(Date.now() - 86_400_000) }),
    ],
  ])('are needed to connect at all: %s is refused, counted and on record', async (_what, issued) => {
    const world = await startMutual();
    await expect(get(world, '/healthz', issued ?? {})).rejects.toThrow();
    await setTimeout(50);
    expect(world.server.access.failures()).toContainEqual({ reason: 'certificate', count: 1 });
    expect((await world.store.audit(1))[0]).toMatchObject({
      kind: 'request',
      problem: 'unauthorized',
      result: 'refused',
    });
  });
});

describe('files of TLS that cannot be used', () => {
  const settingsWith = (tls: NonNullable<AdminDocument['tls']>) => {
    const { admin } = withDefaults({ ...configOf({}), admin: { tls, tokens } });
    return readAdminSettings(admin, Date.now());
  };

  it.each<[what: string, wrong: (at: Files) => NonNullable<AdminDocument['tls']>, message: RegExp]>([
    [
      'a certificate that is not there',
      ({ tls }) => ({ ...tls, cert: '/nowhere.pem' }),
      /tls\.cert: \/nowhere\.pem cannot be read/,
    ],
    [
      'a key that is not there',
      ({ tls }) => ({ ...tls, key: '/nowhere.pem' }),
      /tls\.key: \/nowhere\.pem cannot be read/,
    ],
    [
      'an empty certificate',
      (at) => ({ ...at.tls, cert: at.write('empty', '') }),
      /tls\.cert: .* has no certificate in it/,
    ],
    [
      'a key that is none',
      (at) => ({ ...at.tls, key: at.write('bad', 'no key') }),
      /tls\.key: .* has no private key in it/,
    ],
    [
      'the key of another',
      (at) => ({ ...at.tls, key: at.write('other', strangers.issue({ names: ['dns:a'] }).key) }),
      /is not the key of the first certificate/,
    ],
    [
      'half a certificate',
      (at) => ({ ...at.tls, cert: at.write('half', ownCertificate.cert.slice(0, 200)) }),
      /tls\.cert: .* has no certificate in it/,
    ],
    // What must never be taken for "the usual authorities", or for none at all.
    [
      'authorities that are not there',
      ({ tls }) => ({ ...tls, clientCa: '/nowhere.pem' }),
      /tls\.clientCa: \/nowhere\.pem cannot be read/,
    ],
    [
      'an empty list of authorities',
      (at) => ({ ...at.tls, clientCa: at.write('ca', '') }),
      /tls\.clientCa: .* has no certificate in it/,
    ],
    [
      'a list of authorities with nothing but text',
      (at) => ({ ...at.tls, clientCa: at.write('ca', '# none yet\n') }),
      /tls\.clientCa: .* has no certificate in it/,
    ],
    [
      'a list of authorities that was cut off',
      (at) => ({ ...at.tls, clientCa: at.write('ca', authority.cert + strangers.cert.slice(0, 100)) }),
      /tls\.clientCa: .* does not end/,
    ],
    [
      'an authority that is none',
      (at) => ({
        ...at.tls,
        clientCa: at.write('ca', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
      }),
      /tls\.clientCa: .* has a certificate that cannot be read \(number 1\)/,
    ],
  ])('%s is an error that says so', async (_what, wrong, message) => {
    await expect(settingsWith(wrong(files()))).rejects.toThrow(message);
  });

  it('a certificate that has expired is served, with a warning', async () => {
    const expired = authority.issue({ names: ['dns:localhost'], validTo: new Date(Date.now() - 86_400_000) });
    const { tls } = await settingsWith(files(expired).tls);
    expect(tls?.warnings).toEqual([expect.stringContaining('has expired')]);
  });
});

describe('certificates that are replaced', () => {
  it('are those that new connections see; open ones end with their next answer', async () => {
    const at = files();
    const world = await startTls({ tls: at.tls, tokens });
    const { hostname, port } = new URL(world.admin.url);
    const open = connectTls({ host: hostname, port: Number(port), ca: authority.cert, servername: 'localhost' });
    onTestFinished(() => void open.destroy());
    await once(open, 'secureConnect');
    open.write('GET /healthz HTTP/1.1\r\n');
    await setTimeout(50);

    const next = authority.issue({ names: ['dns:localhost', 'dns:next.example.com', 'ip:127.0.0.1'] });
    at.write('cert.pem', next.cert);
    at.write('key.pem', next.key);
    const { admin } = withDefaults({ ...configOf({}), admin: { tls: at.tls, tokens } });
    world.server.use(await readAdminSettings(admin, Date.now()));

    expect(await servedNames(world)).toContain('next.example.com');
    open.write(`Host: localhost:${port}\r\n\r\n`);
    let answer = '';
    for await (const chunk of open) answer += String(chunk);
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*connection: close/is);
  });
});

async function servedNames({ admin }: AdminWorld): Promise<string> {
  const { hostname, port } = new URL(admin.url);
  const socket: TLSSocket = connectTls({
    host: hostname,
    port: Number(port),
    ca: authority.cert,
    servername: 'localhost',
  });
  await once(socket, 'secureConnect');
  const names = socket.getPeerX509Certificate()?.subjectAltName ?? '';
  socket.destroy();
  return names;
}

it('a file of tokens that others may read is not taken', async () => {
  const at = files();
  const tokensFile = at.write('tokens.yaml', '[]');
  chmodSync(tokensFile, 0o644);
  await expect(startTls({ tokensFile })).rejects.toThrow(/mode 0644, so that others can get at it; make it 0600/);
});
