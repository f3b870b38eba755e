/** Several services on one tcp listener, told apart by the server that TLS clients ask for. */
import { type AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';

import { ProxyDataPlane } from '../../src/proxy/data-plane.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { listenerWithDefaults, serviceWithDefaults } from '../../src/schema/with-defaults.ts';
import { compileListener, compileService } from '../../src/snapshot/compile.ts';
import { createAuthority } from '../helpers/certificates.ts';
import { eventually } from '../helpers/eventually.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { TcpClient } from '../helpers/tcp-client.ts';
import { greeting, startTcpTarget } from '../helpers/tcp-target.ts';

const AUTHORITY = createAuthority();

/** A TLS server that says its name. */
async function startTlsTarget(name: string): Promise<string> {
  const server = createServer(AUTHORITY.issue({ names: ['dns:*.example.com'] }), (socket) => socket.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function start(services: Record<string, { hosts: string[]; url: string }>) {
  const clock = manualClock();
  const plane = new ProxyDataPlane({ clock });
  onTestFinished(async () => {
    await plane.close();
  });
  const changed = Object.entries(services).map(([name, { hosts, url }]) => {
    const document: ServiceDocument = {
      match: { listeners: ['tls'], hosts },
      pools: { only: { targets: [{ url }] } },
    };
    return compileService(name, serviceWithDefaults(document), null, { stickySecret: 'of no session' });
  });
  await plane.apply({ generation: 1, changed, removed: [] });
  const listener = compileListener('tls', listenerWithDefaults({ listen: '127.0.0.1:0', protocol: 'tcp' }));
  const { port } = await plane.listen(listener);
  const ledger = async () => (await plane.report()).ledger.at(-1);
  return { clock, plane, port, ledger };
}

/** What the server says that a client gets who asks for `servername`; "" where it is turned away. */
async function answerTo(port: number, servername: string): Promise<string> {
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', servername, ca: AUTHORITY.cert });
  onTestFinished(() => void socket.destroy());
  let heard = '';
  socket.setEncoding('utf8').on('data', (text: string) => (heard += text));
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
  return heard;
}

test('each client gets the server that it asks for, most precisely named first', async () => {
  const { port, ledger } = await start({
    one: { hosts: ['one.example.com'], url: await startTlsTarget('one') },
    some: { hosts: ['*.example.com'], url: await startTlsTarget('some') },
  });
  expect(await answerTo(port, 'one.example.com')).toBe('one');
  expect(await answerTo(port, 'two.example.com')).toBe('some');
  expect(await answerTo(port, 'example.org')).toBe('');
  await eventually(async () => expect(await ledger()).toMatchObject({ accepted: 3, completed: 3, inFlight: 0 }));
});

test('who asks for none, or speaks no TLS, gets the service that names none', async () => {
  const plain = await startTcpTarget(greeting('plain'));
  const { port } = await start({
    one: { hosts: ['one.example.com'], url: await startTlsTarget('one') },
    rest: { hosts: [], url: plain.url },
  });
  expect(await answerTo(port, 'one.example.com')).toBe('one');
  const client = await TcpClient.connect(port);
  client.send('GET ');
  await client.hears('plain\nGET ');
  client.socket.end();
  expect(await client.end()).toBe('fin');
  const silent = await TcpClient.connect(port);
  silent.socket.end();
  await silent.hears('plain\n');
});

test('who says nothing, or does not finish, is not waited for', async () => {
  const plain = await startTcpTarget(greeting('plain'));
  const { port, clock, plane, ledger } = await start({
    one: { hosts: ['one.example.com'], url: await startTlsTarget('one') },
    rest: { hosts: [], url: plain.url },
  });
  const [silent, slow, gone] = [
    await TcpClient.connect(port),
    await TcpClient.connect(port),
    await TcpClient.connect(port),
  ];
  slow.send('\x16\x03\x01\x01\x00');
  gone.send('\x16');
  const active = async (): Promise<number> => (await plane.report()).listeners[0]?.connections.active ?? 0;
  await eventually(async () => expect(await active()).toBe(3));
  gone.socket.resetAndDestroy();
  await eventually(async () => expect(await active()).toBe(2));
  expect(await ledger()).toMatchObject({ accepted: 1, clientAborted: 1 });
  // What was sent has come before the time that is given for it is up.
  await new Promise((resolve) => setTimeout(resolve, 50));
  clock.advance(6_000);
  await silent.hears('plain\n');
  expect(await slow.end()).toBe('reset');
  silent.socket.end();
  expect(await silent.end()).toBe('fin');
  await eventually(async () => {
    expect(await ledger()).toMatchObject({ accepted: 3, completed: 2, clientAborted: 1, inFlight: 0 });
    expect(await active()).toBe(0);
  });
  expect((await plane.report()).listeners[0]?.refused).toEqual({ client_closed: 1, request_head_timeout: 1 });
});

test('the end of the program ends those whose name is not known yet', async () => {
  const { port, plane, ledger } = await start({ one: { hosts: ['one.example.com'], url: 'tcp://127.0.0.1:9' } });
  const client = await TcpClient.connect(port);
  await eventually(async () => expect((await plane.report()).listeners[0]?.connections.active).toBe(1));
  await plane.close();
  expect(await client.end()).toBe('reset');
  expect(await ledger()).toMatchObject({ accepted: 1, cut: 1, inFlight: 0 });
});
