import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { SHARED_READ_BYTES } from '../../../../src/proxy/socket-reads.ts';
import { ReadBuffers, type Sender } from '../../../../src/proxy/read-buffers.ts';
import { type ReadMemory, TunnelEnd, type TunnelEndUser } from '../../../../src/proxy/tunnel/tunnel-end.ts';
import { eventually } from '../../../helpers/eventually.ts';

/** Says back what it hears, as a tunnel would pass it on: it stops reading while its peer does. */
class Echo implements TunnelEndUser {
  readonly end: TunnelEnd;
  readonly events: string[] = [];
  bytes = 0;

  constructor(socket: Socket, memory: ReadMemory) {
    this.end = TunnelEnd.over(socket, this, memory);
  }

  onBytes(buffer: Buffer, count: number): Sender | null {
    this.bytes += count;
    const holder = this.end.write(buffer, count);
    if (this.end.isBlocked) this.end.pause();
    return holder;
  }

  onEnd(): void {
    this.events.push('end');
    this.end.end();
  }

  onDrain(): void {
    this.end.resume();
  }

  onStall(): void {
    this.events.push('stall');
  }

  onBroken(error: NodeJS.ErrnoException): void {
    this.events.push(error.code ?? '');
  }

  onClosed(): void {
    this.events.push('closed');
  }
}

/** As a version of Node would have it that keeps the handle to itself. */
function withoutHandle(socket: Socket): Socket {
  return new Proxy(socket, {
    get(target, name) {
      if (name === '_handle') return undefined;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Two ends that are read into the same memory, each with its client. */
async function start(count: number, hidesHandle: boolean): Promise<{ echoes: Echo[]; clients: Socket[] }> {
  const memory = { readBuffer: Buffer.allocUnsafeSlow(SHARED_READ_BYTES), readBuffers: new ReadBuffers() };
  const echoes: Echo[] = [];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    echoes.push(new Echo(hidesHandle ? withoutHandle(socket) : socket, memory));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const clients: Socket[] = [];
  onTestFinished(() => {
    for (const client of clients) client.destroy();
    server.close();
  });
  for (let i = 0; i < count; i++) {
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    clients.push(client);
    await once(client, 'connect');
    await eventually(() => expect(echoes).toHaveLength(i + 1));
  }
  return { echoes, clients };
}

describe.each([false, true])('one side of a tunnel, over a socket whose handle is hidden: %s', (hidesHandle) => {
  it('passes what it reads on as it came, however it is cut and whoever reads slowly', async () => {
    const { echoes, clients } = await start(2, hidesHandle);
    const sent = clients.map((_, i) => Buffer.alloc(16 << 20, `${i}-abcdefghijk`));
    const heard = clients.map((client) => {
      const chunks: Buffer[] = [];
      client.on('data', (chunk: Buffer) => chunks.push(chunk)).pause();
      return { chunks, ended: once(client, 'end') };
    });
    for (const [i, client] of clients.entries()) {
      let at = 0;
      for (const size of [1, 4_096, 4_097, 10, 65_536, 3, 65_537, 200_000]) {
        client.write((sent[i] as Buffer).subarray(at, (at += size)));
        await new Promise(setImmediate);
      }
      client.end((sent[i] as Buffer).subarray(at));
    }
    // Nobody reads: all that the sockets do not hold waits at the clients.
    await eventually(() => expect(echoes.every(({ end }) => end.hasPending)).toBe(true));
    for (const client of clients) client.resume();
    for (const [i, { chunks, ended }] of heard.entries()) {
      await ended;
      expect(Buffer.concat(chunks).equals(sent[i] as Buffer)).toBe(true);
    }
    await eventually(() =>
      expect(echoes.map(({ events }) => events)).toEqual([
        ['end', 'closed'],
        ['end', 'closed'],
      ]),
    );
  });

  it('tells of a reset once, before its close', async () => {
    const { echoes, clients } = await start(1, hidesHandle);
    clients[0]?.resetAndDestroy();
    await eventually(() => expect(echoes[0]?.events).toEqual(['ECONNRESET', 'closed']));
  });

  it('tells of a peer that takes nothing only as long as something waits for it', async () => {
    const { echoes, clients } = await start(2, hidesHandle);
    const [stuck, quiet] = echoes as [Echo, Echo];
    const client = clients[0]?.pause();
    client?.write(Buffer.alloc(24 << 20));
    await eventually(() => expect(stuck.end.isBlocked).toBe(true));
    for (const { end } of echoes) end.watch(100);
    await eventually(() => expect(stuck.events).toContain('stall'));
    expect(quiet.events).toEqual([]);
  });
});
