/** Connections of a tcp listener: what passes, how each side ends, and what is counted of it. */
import { describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { startTcpPlane, tcpService } from '../helpers/tcp-plane.ts';
import { TcpClient } from '../helpers/tcp-client.ts';
import { greeting, startTcpTarget } from '../helpers/tcp-target.ts';

describe('a connection of a tcp listener', () => {
  it('passes bytes both ways as they come, and is counted once', async () => {
    const target = await startTcpTarget(greeting('hello'));
    const plane = await startTcpPlane(tcpService([target.url]));
    const client = await TcpClient.connect(plane.port);
    await client.hears('hello\n');
    client.send('one');
    await client.hears('one');
    client.send('\x00\xff\r\n');
    await client.hears(Buffer.from('\x00\xff\r\n').toString('latin1'));
    expect(await plane.connections()).toEqual({ idle: 0, active: 0, tunnel: 1 });
    expect(await plane.ledger()).toMatchObject({ accepted: 1, inFlight: 1 });
    client.socket.end();
    expect(await client.end()).toBe('fin');
    expect(await plane.settled()).toEqual({ accepted: 1, completed: 1 });
    const pool = await plane.pool('blue');
    expect(pool.traffic[0]?.requests).toEqual([['tcp', 0, 1]]);
    expect(pool.passed).toEqual({ client: 8, target: 14 });
    expect(pool.failures).toEqual({});
    await eventually(async () => expect(await plane.connections()).toEqual({ idle: 0, active: 0, tunnel: 0 }));
  });

  it('passes on what the client sent and ended before the target was reached', async () => {
    const target = await startTcpTarget();
    const plane = await startTcpPlane(tcpService([target.url]));
    const client = await TcpClient.connect(plane.port);
    client.socket.end('all that I say');
    await client.hears('all that I say');
    expect(await client.end()).toBe('fin');
    expect(await plane.settled()).toEqual({ accepted: 1, completed: 1 });
  });

  it('keeps the way back open when the client has ended', async () => {
    const target = await startTcpTarget((socket) => {
      socket.resume().on('end', () => socket.write('after the end'));
    });
    const plane = await startTcpPlane(tcpService([target.url]));
    const client = await TcpClient.connect(plane.port);
    client.socket.end('x');
    await client.hears('after the end');
    expect(client.ended).toBeNull();
    target.sockets[0]?.end('!');
    await client.hears('!');
    expect(await client.end()).toBe('fin');
    expect(await plane.settled()).toEqual({ accepted: 1, completed: 1 });
  });

  it('keeps the way there open when the target has ended', async () => {
    const heard: string[] = [];
    const target = await startTcpTarget((socket) => {
      socket.end('bye');
      socket.on('data', (bytes) => heard.push(String(bytes)));
    });
    const plane = await startTcpPlane(tcpService([target.url]));
    const client = await TcpClient.connect(plane.port);
    await client.hears('bye');
    expect(await client.end()).toBe('fin');
    client.send('still here');
    await eventually(() => expect(heard.join('')).toBe('still here'));
    expect(await plane.ledger()).toMatchObject({ inFlight: 1 });
    client.socket.end();
    expect(await plane.settled()).toEqual({ accepted: 1, completed: 1 });
  });

  it("passes a client's reset on", async () => {
    const target = await startTcpTarget(greeting('hello'));
    const plane = await startTcpPlane(tcpService([target.url]));
    const client = await TcpClient.connect(plane.port);
    await client.hears('hello\n');
    client.socket.resetAndDestroy();
    await eventually(() => expect(target.resets).toBe(1));
    expect(await plane.settled()).toEqual({ accepted: 1, clientAborted: 1 });
    expect(await plane.pool('blue')).toMatchObject({ failures: { client_closed: 1 } });
  });

  it("passes a target's reset on", async () => {
    const target = await startTcpTarget(greeting('hello'));
    const plane = await startTcpPlane(tcpService([target.url]));
    const client = await TcpClient.connect(plane.port);
    await client.hears('hello\n');
    target.sockets[0]?.resetAndDestroy();
    expect(await client.end()).toBe('reset');
    expect(await plane.settled()).toEqual({ accepted: 1, upstreamFailed: 1 });
    expect(await plane.pool('blue')).toMatchObject({ failures: { upstream_reset: 1 } });
  });

  it('passes the reset of a target on to a client that has ended', async () => {
    const target = await startTcpTarget((socket) => void socket.resume());
    const plane = await startTcpPlane(tcpService([target.url]));
    const client = await TcpClient.connect(plane.port);
    client.socket.end('x');
    await eventually(() => expect(target.sockets[0]?.readableEnded).toBe(true));
    target.sockets[0]?.resetAndDestroy();
    expect(await client.end()).toBe('reset');
    expect(await plane.settled()).toEqual({ accepted: 1, upstreamFailed: 1 });
  });

  it('resets a target whose client, having ended, cannot be written to any more', async () => {
    const target = await startTcpTarget((socket) => void socket.resume());
    const plane = await startTcpPlane(tcpService([target.url]));
    const client = await TcpClient.connect(plane.port);
    client.socket.end('x');
    await eventually(() => expect(target.sockets[0]?.readableEnded).toBe(true));
    client.socket.resetAndDestroy();
    await eventually(() => {
      target.sockets[0]?.write('is anybody there?');
      expect(target.resets).toBe(1);
    });
    expect(await plane.settled()).toEqual({ accepted: 1, clientAborted: 1 });
  });
});
