/** Connections over which nothing passes: the system finds out whether both peers are still there, until their time is up. */
import { existsSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { TcpClient } from '../helpers/tcp-client.ts';
import { startTcpPlane, tcpService } from '../helpers/tcp-plane.ts';
import { greeting, startTcpTarget } from '../helpers/tcp-target.ts';

/** Where Linux tells which timer runs for each socket of IPv4. */
const SOCKETS = '/proc/net/tcp';
const NO_TIMER = '00';
const KEEP_ALIVE = '02';

/** The timer of the socket on this machine that is the peer of `socket`. */
function timerOfPeer(socket: Socket): string | undefined {
  const ends = [socket.remotePort, socket.localPort].map((port = 0) =>
    port.toString(16).toUpperCase().padStart(4, '0'),
  );
  for (const line of readFileSync(SOCKETS, 'latin1').split('\n')) {
    const [, local = '', remote = '', , , timer = ''] = line.trim().split(/\s+/);
    if (local.endsWith(`:${ends[0]}`) && remote.endsWith(`:${ends[1]}`)) return timer.slice(0, 2);
  }
  return undefined;
}

describe('a silent connection', () => {
  it.runIf(existsSync(SOCKETS))(
    'is probed on both sides once it has been silent for a while, and not before',
    async () => {
      const clock = manualClock();
      const target = await startTcpTarget(greeting('hello'));
      const plane = await startTcpPlane(tcpService([target.url], { timeouts: { tunnelIdle: '1h' } }), { clock });
      const client = await TcpClient.connect(plane.port);
      await client.hears('hello\n');
      const timers = () => [client.socket, target.sockets[0] as Socket].map(timerOfPeer);
      await eventually(() => expect(timers()).toEqual([NO_TIMER, NO_TIMER]));
      clock.advance(9_000);
      client.send('x');
      await client.hears('x');
      clock.advance(9_000);
      await eventually(() => expect(timers()).toEqual([NO_TIMER, NO_TIMER]));
      clock.advance(2_000);
      await eventually(() => expect(timers()).toEqual([KEEP_ALIVE, KEEP_ALIVE]));
      client.send('still here');
      await client.hears('still here');
      client.socket.end();
      expect(await plane.settled()).toEqual({ accepted: 1, completed: 1 });
    },
  );

  it('ends tunnelIdle after its last byte, whenever it was probed', async () => {
    const clock = manualClock();
    const target = await startTcpTarget(greeting('hello'));
    const plane = await startTcpPlane(tcpService([target.url], { timeouts: { tunnelIdle: '30s' } }), { clock });
    const clients = [await TcpClient.connect(plane.port), await TcpClient.connect(plane.port)];
    for (const client of clients) await client.hears('hello\n');
    clock.advance(15_000);
    clients[1]?.send('later');
    await clients[1]?.hears('later');
    clock.advance(14_000);
    expect(await plane.ledger()).toMatchObject({ inFlight: 2 });
    clock.advance(2_000);
    expect(await clients[0]?.end()).toBe('reset');
    clock.advance(13_000);
    expect(await plane.ledger()).toMatchObject({ inFlight: 1 });
    clock.advance(2_000);
    expect(await clients[1]?.end()).toBe('reset');
    expect(await plane.pool('blue')).toMatchObject({ failures: { connection_idle: 2 } });
  });
});
