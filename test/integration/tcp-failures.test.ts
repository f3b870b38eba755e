/** Connections of a tcp listener that go nowhere, break, or take too long: how they end, and in which bucket. */
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { eventually } from '../helpers/eventually.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { startTcpPlane, tcpService, type TcpPlane } from '../helpers/tcp-plane.ts';
import { TcpClient } from '../helpers/tcp-client.ts';
import { greeting, startTcpTarget } from '../helpers/tcp-target.ts';

/** An address where nobody listens. */
async function deadUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `tcp://127.0.0.1:${port}`;
}

async function outcomeOf(plane: TcpPlane): Promise<'fin' | 'reset'> {
  const client = await TcpClient.connect(plane.port);
  return client.end();
}

describe('a target that cannot be reached', () => {
  it('is followed by the next', async () => {
    const alive = await startTcpTarget(greeting('alive'));
    const plane = await startTcpPlane(tcpService([await deadUrl(), alive.url]));
    for (let i = 0; i < 4; i++) {
      const client = await TcpClient.connect(plane.port);
      client.send('early');
      await client.hears('alive\nearly');
      client.socket.end();
      await client.end();
    }
    expect(await plane.settled()).toEqual({ accepted: 4, completed: 4 });
    const { retries, failures, traffic } = await plane.pool('blue');
    expect(retries).toEqual({ connect: expect.any(Number) });
    expect(failures).toEqual({});
    expect(traffic[0]?.requests).toEqual([['tcp', 0, 4]]);
  });

  it('costs the connection where there is no other, and as many tries as the service says', async () => {
    const plane = await startTcpPlane(tcpService([await deadUrl()], { retries: { tries: 2 } }));
    expect(await outcomeOf(plane)).toBe('reset');
    expect(await plane.settled()).toEqual({ accepted: 1, upstreamFailed: 1 });
    const { retries, failures, traffic } = await plane.pool('blue');
    expect(retries).toEqual({ connect: 2 });
    expect(failures).toEqual({ connect_refused: 1 });
    expect(traffic[0]?.requests).toEqual([['tcp', 502, 1]]);
  });

  it('is taken out of balancing once it has failed often enough', async () => {
    const dead = await deadUrl();
    const alive = await startTcpTarget(greeting('alive'));
    const ejection = { unreachable: 2 };
    const plane = await startTcpPlane(tcpService([dead, alive.url], { ejection, retries: { tries: 0 } }));
    for (let i = 0; i < 8; i++) {
      const client = await TcpClient.connect(plane.port);
      client.socket.end();
      await client.end();
    }
    expect(await plane.settled()).toEqual({ accepted: 8, completed: 6, upstreamFailed: 2 });
  });

  it('opens the breaker of its pool, and connections that are made close it', async () => {
    const clock = manualClock();
    const breaker = { per: ['pool' as const], minimum: 2, failurePercent: 50, open: '10s', recover: '1s' };
    const service = { breaker, retries: { tries: 0 } };
    const plane = await startTcpPlane(tcpService([await deadUrl()], service), { clock });
    for (let i = 0; i < 3; i++) await outcomeOf(plane);
    expect(await plane.pool('blue')).toMatchObject({ failures: { connect_refused: 2, breaker_open: 1 } });
    expect(await plane.settled()).toEqual({ accepted: 3, upstreamFailed: 2, proxyFailed: 1 });
    const alive = await startTcpTarget(greeting('alive'));
    await plane.apply(tcpService([alive.url], service));
    clock.advance(12_000);
    const client = await TcpClient.connect(plane.port);
    await client.hears('alive\n');
    client.close();
  });
});

describe('a connection that goes nowhere', () => {
  const cases: readonly [string, ServiceDocument, string, object][] = [
    [
      'is reset where the pool has no target',
      { pools: { blue: { targets: [] } } },
      'no_target',
      { accepted: 1, proxyFailed: 1 },
    ],
    [
      'is reset where every target is in maint',
      { pools: { blue: { targets: [{ url: 'tcp://127.0.0.1:9', state: 'maint' }] } } },
      'no_target',
      { accepted: 1, proxyFailed: 1 },
    ],
  ];
  it.each(cases)('%s', async (_name, service, code, ledger) => {
    const plane = await startTcpPlane(service);
    expect(await outcomeOf(plane)).toBe('reset');
    expect(await plane.settled()).toEqual(ledger);
    expect(await plane.pool('blue')).toMatchObject({ failures: { [code]: 1 } });
  });

  it('is reset where no service names the listener', async () => {
    const plane = await startTcpPlane({ ...tcpService([]), match: { listeners: ['another'] } });
    expect(await outcomeOf(plane)).toBe('reset');
    expect(await plane.settled()).toEqual({ accepted: 1, completed: 1 });
    expect((await plane.plane.report()).listeners[0]?.refused).toEqual({ no_service: 1 });
    await eventually(async () => expect(await plane.connections()).toEqual({ idle: 0, active: 0, tunnel: 0 }));
  });

  it('is reset above the rate of its client', async () => {
    const target = await startTcpTarget(greeting('hello'));
    const rateLimit = { rate: '1/m', burst: 1 };
    const plane = await startTcpPlane(tcpService([target.url], { rateLimit }));
    const client = await TcpClient.connect(plane.port);
    await client.hears('hello\n');
    expect(await outcomeOf(plane)).toBe('reset');
    expect(await plane.ledger()).toMatchObject({ accepted: 2, completed: 1, inFlight: 1 });
    client.close();
  });

  it('is reset above the limits of the listener', async () => {
    const target = await startTcpTarget(greeting('hello'));
    const plane = await startTcpPlane(tcpService([target.url]), { listener: { limits: { connections: 1 } } });
    const client = await TcpClient.connect(plane.port);
    await client.hears('hello\n');
    expect(await outcomeOf(plane)).toBe('reset');
    expect((await plane.plane.report()).listeners[0]?.turnedAway).toEqual({ too_many_connections: 1 });
    client.socket.end();
    expect(await plane.settled()).toEqual({ accepted: 1, completed: 1 });
    await eventually(async () => expect(await plane.connections()).toEqual({ idle: 0, active: 0, tunnel: 0 }));
    const next = await TcpClient.connect(plane.port);
    await next.hears('hello\n');
    next.close();
  });
});

describe('a client that is gone', () => {
  it('before the target was reached, takes the attempt with it', async () => {
    const clock = manualClock();
    // An address of no machine (RFC 5737): nobody answers, or there is no way there.
    const plane = await startTcpPlane(tcpService(['tcp://192.0.2.1:9'], { retries: { tries: 0 } }), { clock });
    const client = await TcpClient.connect(plane.port);
    client.socket.resetAndDestroy();
    const ledger = await plane.settled();
    expect(ledger.accepted).toBe(1);
    expect((ledger.clientAborted ?? 0) + (ledger.upstreamFailed ?? 0)).toBe(1);
  });

  it('while it waits for a target with room, leaves the line', async () => {
    const target = await startTcpTarget(greeting('hello'));
    const plane = await startTcpPlane(tcpService([target.url], { limits: { inFlightPerTarget: 1 } }));
    const first = await TcpClient.connect(plane.port);
    await first.hears('hello\n');
    const second = await TcpClient.connect(plane.port);
    await eventually(async () => expect(await plane.pool('blue')).toMatchObject({ waiting: 1, inFlight: 2 }));
    second.socket.resetAndDestroy();
    await eventually(async () => expect(await plane.pool('blue')).toMatchObject({ waiting: 0, inFlight: 1 }));
    const third = await TcpClient.connect(plane.port);
    third.send('in line');
    await eventually(async () => expect(await plane.pool('blue')).toMatchObject({ waiting: 1 }));
    first.socket.end();
    await third.hears('hello\nin line');
    third.socket.end();
    expect(await plane.settled()).toEqual({ accepted: 3, completed: 2, clientAborted: 1 });
    expect(target.sockets).toHaveLength(2);
  });
});

describe('time', () => {
  it('ends a connection that is silent both ways for longer than tunnelIdle', async () => {
    const clock = manualClock();
    const target = await startTcpTarget(greeting('hello'));
    const plane = await startTcpPlane(tcpService([target.url], { timeouts: { tunnelIdle: '10s' } }), { clock });
    const client = await TcpClient.connect(plane.port);
    await client.hears('hello\n');
    clock.advance(9_000);
    client.send('still here');
    await client.hears('still here');
    clock.advance(9_000);
    await eventually(async () => expect(await plane.ledger()).toMatchObject({ inFlight: 1 }));
    expect(client.ended).toBeNull();
    clock.advance(2_000);
    expect(await client.end()).toBe('reset');
    await eventually(() => expect(target.resets).toBe(1));
    expect(await plane.settled()).toEqual({ accepted: 1, completed: 1 });
    expect(await plane.pool('blue')).toMatchObject({ failures: { connection_idle: 1 } });
  });

  it('ends a connection whose one side has ended and whose other is silent', async () => {
    const clock = manualClock();
    const target = await startTcpTarget((socket) => void socket.resume());
    const plane = await startTcpPlane(tcpService([target.url], { timeouts: { tunnelIdle: '10s' } }), { clock });
    const client = await TcpClient.connect(plane.port);
    client.socket.end('x');
    await eventually(() => expect(target.sockets[0]?.readableEnded).toBe(true));
    clock.advance(11_000);
    expect(await client.end()).toBe('reset');
    expect(await plane.settled()).toEqual({ accepted: 1, completed: 1 });
  });

  it('is up for whoever waits in line', async () => {
    const clock = manualClock();
    const target = await startTcpTarget(greeting('hello'));
    const service = tcpService([target.url], { limits: { inFlightPerTarget: 1 }, timeouts: { queue: '1s' } });
    const plane = await startTcpPlane(service, { clock });
    const first = await TcpClient.connect(plane.port);
    await first.hears('hello\n');
    const second = await TcpClient.connect(plane.port);
    await eventually(async () => expect(await plane.pool('blue')).toMatchObject({ waiting: 1 }));
    clock.advance(1_500);
    expect(await second.end()).toBe('reset');
    expect(await plane.pool('blue')).toMatchObject({ failures: { queue_timeout: 1 }, waiting: 0, inFlight: 1 });
    first.socket.end();
    expect(await plane.settled()).toEqual({ accepted: 2, completed: 1, proxyFailed: 1 });
  });

  it.each(['client', 'target'] as const)('ends a connection whose %s takes nothing', async (who) => {
    const target = await startTcpTarget((socket) => {
      if (who === 'client') socket.write(Buffer.alloc(32 << 20));
      else socket.pause();
    });
    const plane = await startTcpPlane(tcpService([target.url], { timeouts: { tunnelIdle: '300ms' } }));
    const client = await TcpClient.connect(plane.port);
    client.socket.pause();
    if (who === 'target') client.send(Buffer.alloc(32 << 20));
    const code = who === 'client' ? 'client_stalled' : 'upstream_stalled';
    const bucket = who === 'client' ? 'clientAborted' : 'upstreamFailed';
    expect(await plane.settled()).toEqual({ accepted: 1, [bucket]: 1 });
    expect(await plane.pool('blue')).toMatchObject({ failures: { [code]: 1 } });
    client.close();
  });
});

describe('a paused service', () => {
  const pause = { requests: 2, timeout: '5s', bytes: '64KiB', resumeOver: '1s' };

  it('holds new connections with what they say, and lets them go by the routing of then', async () => {
    const blue = await startTcpTarget(greeting('blue'));
    const green = await startTcpTarget(greeting('green'));
    const pools = { blue: { targets: [{ url: blue.url }] }, green: { targets: [{ url: green.url }] } };
    const plane = await startTcpPlane({ pools, split: { blue: 100 } });
    const before = await TcpClient.connect(plane.port);
    await before.hears('blue\n');
    await plane.apply({ pools, split: { blue: 100 }, pause: { ...pause, resumeOver: '10ms' } });
    const held = await TcpClient.connect(plane.port);
    held.socket.end('said early');
    await eventually(async () => expect((await plane.plane.report()).services[0]).toMatchObject({ held: 1 }));
    before.send('not held');
    await before.hears('not held');
    expect(await plane.ledger()).toMatchObject({ accepted: 1 });
    await plane.apply({ pools, split: { green: 100 } });
    await held.hears('green\nsaid early');
    expect(await held.end()).toBe('fin');
    before.socket.end();
    expect(await plane.settled()).toEqual({ accepted: 2, completed: 2 });
  });

  it('turns away who is too many, waits too long, says too much or is gone', async () => {
    const clock = manualClock();
    const target = await startTcpTarget();
    const plane = await startTcpPlane(tcpService([target.url], { pause }), { clock });
    const held = async (): Promise<number> => (await plane.plane.report()).services[0]?.held ?? 0;
    const gone = await TcpClient.connect(plane.port);
    const loud = await TcpClient.connect(plane.port);
    await eventually(async () => expect(await held()).toBe(2));
    expect(await outcomeOf(plane)).toBe('reset');
    gone.socket.resetAndDestroy();
    loud.send(Buffer.alloc(100_000));
    expect(await loud.end()).toBe('reset');
    const late = await TcpClient.connect(plane.port);
    await eventually(async () => expect(await held()).toBe(1));
    clock.advance(6_000);
    expect(await late.end()).toBe('reset');
    expect(await plane.settled()).toEqual({ accepted: 4, clientAborted: 1, proxyFailed: 3 });
    expect((await plane.plane.report()).services[0]?.holds).toEqual({ full: 2, 'client-gone': 1, 'timed-out': 1 });
    expect(target.sockets).toHaveLength(0);
  });
});

describe('the end of the process', () => {
  it('waits for connections until the drain ends, and cuts the rest', async () => {
    const target = await startTcpTarget(greeting('hello'));
    const plane = await startTcpPlane(tcpService([target.url]));
    const short = await TcpClient.connect(plane.port);
    const long = await TcpClient.connect(plane.port);
    for (const client of [short, long]) await client.hears('hello\n');
    const closing = plane.plane.close({ drainMs: 700 });
    short.send('goes on');
    await short.hears('goes on');
    short.socket.end();
    expect(await short.end()).toBe('fin');
    expect(await closing).toEqual({ cut: 1 });
    expect(await long.end()).toBe('reset');
    expect(await plane.settled()).toEqual({ accepted: 2, completed: 1, cut: 1 });
    await eventually(() => expect(target.open).toBe(0));
  });
});
