import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { type Socket, connect, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';

import { ADMIN_CONNECTIONS_MAX } from '../../src/control/admin/connection-gate.ts';
import { startAdmin } from '../helpers/start-admin.ts';

describe('the address of the admin API', () => {
  it.each(['0.0.0.0:0', '[::]:0', '192.0.2.1:9900', 'example.com:9900', '[2001:db8::1]:80'])(
    '%s is refused, since other machines could reach it',
    async (address) => {
      await expect(startAdmin(undefined, address)).rejects.toThrow(/other machines/);
    },
  );

  it.each(['127.0.0.1:0', 'localhost:0', '[::1]:0'])('%s is served', async (address) => {
    const { admin, call } = await startAdmin(undefined, address);
    expect(admin.url).toMatch(/^http:\/\/(127\.0\.0\.1|localhost|\[::1\]):\d+$/);
    expect((await call('GET', '/healthz')).status).toBe(200);
  });

  it('that is taken is an error', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    await expect(startAdmin(undefined, `127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('a socket file', () => {
  it('is for its owner alone, serves whatever the Host says, and goes with the API', async () => {
    const file = socketPath();
    const { admin } = await startAdmin(undefined, `unix:${file}`);
    expect(admin.url).toBe(`unix:${file}`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await statusOver(file, 'anything')).toBe(200);
    await admin.close();
    expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('that a killed process left behind is replaced', async () => {
    const file = socketPath();
    const script = `require('net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    expect(statSync(file).isSocket()).toBe(true);
    await startAdmin(undefined, `unix:${file}`);
    expect(await statusOver(file, 'localhost')).toBe(200);
  });

  it('that another process serves is left alone', async () => {
    const file = socketPath();
    const { admin } = await startAdmin(undefined, `unix:${file}`);
    await expect(startAdmin(undefined, `unix:${file}`)).rejects.toThrow('in use by another process');
    expect(await statusOver(file, 'localhost')).toBe(200);
    await admin.close();
  });

  it('is never made of a file that is something else', async () => {
    const file = socketPath();
    writeFileSync(file, 'precious');
    await expect(startAdmin(undefined, `unix:${file}`)).rejects.toThrow('not a socket');
    expect(statSync(file).size).toBe('precious'.length);
  });
});

describe('many connections', () => {
  it('take turns: those beyond the limit wait for one to close', async () => {
    const { admin } = await startAdmin();
    const { hostname, port } = new URL(admin.url);
    const ask = `GET /healthz HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`;
    const idle: Socket[] = [];
    for (let n = 0; n < ADMIN_CONNECTIONS_MAX; n++) {
      const socket = connect(Number(port), hostname);
      onTestFinished(() => void socket.destroy());
      socket.write(ask);
      await once(socket, 'data');
      idle.push(socket);
    }
    const late = connect(Number(port), hostname);
    onTestFinished(() => void late.destroy());
    late.write(ask);
    const answered = once(late, 'data').then(([bytes]) => String(bytes));
    expect(await Promise.race([answered, setTimeout(200, 'waiting')])).toBe('waiting');
    idle[0]?.destroy();
    expect(await answered).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('are told to close while others wait', async () => {
    const { admin } = await startAdmin();
    const { hostname, port } = new URL(admin.url);
    const ask = `GET /healthz HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`;
    const sockets = Array.from({ length: ADMIN_CONNECTIONS_MAX + 1 }, () => connect(Number(port), hostname));
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    await setTimeout(50);
    sockets.forEach((socket) => socket.write(ask));
    const answers = await Promise.all(sockets.map(async (socket) => String((await once(socket, 'data'))[0])));
    expect(answers.every((answer) => answer.startsWith('HTTP/1.1 200 '))).toBe(true);
    expect(answers.some((answer) => /^connection: close/im.test(answer))).toBe(true);
  });
});

function socketPath(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'cutover-admin-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return path.join(folder, 'admin.sock');
}

async function statusOver(socketFile: string, host: string): Promise<number | undefined> {
  const sent = request({ socketPath: socketFile, path: '/healthz', headers: { host }, agent: false });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}
