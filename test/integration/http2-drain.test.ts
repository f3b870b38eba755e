/** Sessions of HTTP/2 while the routing changes and while the process ends: nothing that was asked for is lost. */
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { ProxyDataPlane } from '../../src/proxy/data-plane.ts';
import { listenerWithDefaults, serviceWithDefaults } from '../../src/schema/with-defaults.ts';
import { compileListener, compileService } from '../../src/snapshot/compile.ts';
import type { Backend } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { FLAG, FRAME, frame, FrameClient, requestFields, uint32 } from '../helpers/frame-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { BrokenStream, type Session, startSession } from '../helpers/start-session.ts';

/** That the end is near (RFC 9113 section 6.8): what is sent before the client hears of it is still taken. */
const NOTICE = [0, 2 ** 31 - 1];

/** A data plane alone, so that its end can be looked at. */
async function startEnding(backend: Backend) {
  const plane = new ProxyDataPlane();
  onTestFinished(async () => void (await plane.close()));
  const document: ServiceDocument = appService({ only: backend }).app;
  const spec = compileService('app', serviceWithDefaults(document), null, { stickySecret: 'only-of-this-test' });
  await plane.apply({ generation: 1, changed: [spec], removed: [] });
  const listener = listenerWithDefaults({ listen: '127.0.0.1:0', http2: true });
  const { port } = await plane.listen(compileListener('web', listener));
  return { plane, port };
}

/** Not taken (REFUSED_STREAM, by a GOAWAY), or never sent. */
function isSafe(error: unknown): boolean {
  return error instanceof BrokenStream ? error.code === 7 : String(error).includes('ERR_HTTP2');
}

describe('a cutover', () => {
  test('holds for every request that is begun after its receipt, on sessions that go on', async () => {
    const [blue, green] = [await startBackend('blue'), await startBackend('green')];
    const { port, admin } = await startProxy({ services: appService({ blue, green }), listener: { http2: true } });
    const sessions = Array.from({ length: 3 }, () => startSession(port));
    const world = { current: 'blue', flips: 0, wrong: [] as string[], answered: 0, isOver: false };
    const client = async (session: Session) => {
      while (!world.isOver) {
        const [wanted, flip] = [world.current, world.flips];
        const { status, fields } = await session.request({ path: '/slow?ms=10' });
        world.answered += 1;
        if (status !== 200) world.wrong.push(`status ${status}`);
        // One that was begun while the call was under way may be either's.
        if (flip === world.flips && flip % 2 === 0 && fields['x-version'] !== wanted) world.wrong.push(`not ${wanted}`);
      }
    };
    const clients = sessions.flatMap((session) => Array.from({ length: 8 }, () => client(session)));
    for (let round = 0; round < 10; round++) {
      const next = world.current === 'blue' ? 'green' : 'blue';
      world.flips += 1;
      await admin.cutover('app', next);
      world.current = next;
      world.flips += 1;
      const before = world.answered;
      await eventually(() => expect(world.answered).toBeGreaterThan(before + 24), 20_000);
    }
    world.isOver = true;
    await Promise.all(clients);
    expect(world.wrong).toEqual([]);
    await eventually(async () => expect(await admin.metric('cutover_requests_in_flight')).toBe(0));
    expect(await admin.metric('cutover_ledger_imbalance')).toBe(0);
  });

  test('counts down the requests of a session one by one', async () => {
    const [blue, green] = [await startBackend('blue'), await startBackend('green')];
    const { port, admin } = await startProxy({ services: appService({ blue, green }), listener: { http2: true } });
    const session = startSession(port);
    const held = Array.from({ length: 3 }, () => session.request({ path: '/hold' }));
    await eventually(() => expect(blue.held).toBe(3));
    const { id, drain } = await admin.cutover('app', 'green');
    expect(drain.inFlightAtFlip).toBe(3);
    expect((await session.request()).fields['x-version']).toBe('green');
    blue.release(2);
    await eventually(async () => expect((await admin.receipt('app', id)).drain.remaining).toBe(1));
    blue.release();
    await Promise.all(held);
    await eventually(async () => expect((await admin.receipt('app', id)).drain.state).toBe('drained'));
  });

  test('whose drain is cut resets what is left, and the session goes on', async () => {
    const [blue, green] = [await startBackend('blue'), await startBackend('green')];
    const { port, admin } = await startProxy({ services: appService({ blue, green }), listener: { http2: true } });
    const session = startSession(port);
    const held = session.request({ path: '/hold' });
    const begun = session.request({ path: '/download?bytes=1000&piece=10&gap=50' }).catch((error: unknown) => error);
    await eventually(() => expect(blue.requests).toHaveLength(2));
    await eventually(() => expect(blue.bytesWritten).toBeGreaterThan(100));
    await admin.cutover('app', 'green', { drainTimeout: '100ms' });
    expect((await held).status).toBe(503);
    expect(await begun).toBeInstanceOf(BrokenStream);
    expect((await session.request()).fields['x-version']).toBe('green');
  });
});

describe('a session that is about to end', () => {
  async function startLeaving() {
    const backend = await startBackend('v1');
    const { port, admin } = await startProxy({ services: appService({ only: backend }), listener: { http2: true } });
    const client = await FrameClient.open(port, [[1, 0]]);
    return { backend, port, admin, client };
  }

  test('answers what it took, whatever else comes of requests that it does not take', async () => {
    const { backend, client } = await startLeaving();
    client.get(1, '/hold');
    await eventually(() => expect(backend.held).toBe(1));
    client.send(FRAME.goaway, 0, 0, Buffer.alloc(8));
    await eventually(() => expect(client.goaways).toEqual([NOTICE, [0, 1]]));
    client.headers(3, requestFields('POST', '/upload'), 0);
    client.send(FRAME.window, 0, 3, uint32(1000));
    client.data(3, 'x');
    client.reset(3);
    expect(await client.isCaughtUp()).toBe(true);
    backend.release();
    await client.closed;
    expect([client.status(1), backend.requests.length]).toEqual([200, 1]);
  });

  test('looks at nothing behind what is no frame', async () => {
    const { port, admin, client } = await startLeaving();
    client.socket.allowHalfOpen = true;
    client.socket.setNoDelay(true);
    client.send(FRAME.goaway, 0, 0, Buffer.alloc(8));
    await eventually(() => expect(client.goaways).toEqual([NOTICE, [0, 0]]));
    const tooLong = frame(FRAME.headers, 0, 1);
    tooLong.writeUIntBE(0xff_ffff, 0, 3);
    for (const piece of [tooLong.subarray(0, 5), tooLong.subarray(5), Buffer.alloc(4), Buffer.alloc(30)]) {
      client.socket.write(piece);
      // Each of them in a read of its own, which another session shows to be over.
      const beside = startSession(port);
      expect((await beside.request()).status).toBe(200);
      beside.close();
    }
    client.socket.destroy();
    await eventually(async () => expect(await admin.metric('cutover_connections')).toBe(0));
  });
});

describe('the end of the process', () => {
  test('says which requests are taken, and lets them finish', async () => {
    const backend = await startBackend('v1');
    const { plane, port } = await startEnding(backend);
    const client = await FrameClient.open(port, [[1, 0]]);
    client.get(1, '/hold');
    client.get(3, '/hold');
    await eventually(() => expect(backend.held).toBe(2));
    const closed = plane.close({ drainMs: 10_000 });
    await eventually(() => expect(client.goaways).toEqual([NOTICE, [0, 3]]));
    client.get(5);
    await client.isCaughtUp();
    backend.release(1);
    await eventually(() => expect(client.isWhole(1) || client.isWhole(3)).toBe(true));
    backend.release();
    for (const id of [1, 3]) await client.settled(id);
    expect([1, 3].map((id) => client.status(id))).toEqual([200, 200]);
    await client.closed;
    expect(await closed).toEqual({ cut: 0 });
    expect(backend.requests).toHaveLength(2);
  });

  test('takes what a client sent before it could know of it', async () => {
    const backend = await startBackend('v1');
    const { plane, port } = await startEnding(backend);
    const client = await FrameClient.open(port, [[1, 0]]);
    client.get(1, '/hold');
    await eventually(() => expect(backend.held).toBe(1));
    client.isPolite = false;
    const closed = plane.close({ drainMs: 10_000 });
    await eventually(() => expect(client.goaways).toEqual([NOTICE]));
    client.get(3);
    await client.settled(3);
    const [notice] = client.of(FRAME.ping);
    client.send(FRAME.ping, FLAG.ack, 0, notice?.payload);
    await eventually(() => expect(client.goaways).toEqual([NOTICE, [0, 3]]));
    backend.release();
    await client.closed;
    expect([client.status(1), client.status(3)]).toEqual([200, 200]);
    expect(await closed).toEqual({ cut: 0 });
  });

  test('closes a session that rests, and one whose client answers nothing', async () => {
    const backend = await startBackend('v1');
    const { plane, port } = await startEnding(backend);
    const [polite, deaf] = [await FrameClient.open(port, [[1, 0]]), await FrameClient.open(port, [[1, 0]])];
    for (const client of [polite, deaf]) {
      client.get(1);
      await client.settled(1);
    }
    deaf.isPolite = false;
    expect(await plane.close({ drainMs: 10_000 })).toEqual({ cut: 0 });
    await Promise.all([polite.closed, deaf.closed]);
    expect([polite.goaways.at(-1), deaf.goaways.at(-1)]).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  test('cuts what has not ended by then', async () => {
    const backend = await startBackend('v1');
    const { plane, port } = await startEnding(backend);
    const client = await FrameClient.open(port, [[1, 0]]);
    client.get(1, '/hold');
    await eventually(() => expect(backend.held).toBe(1));
    expect(await plane.close({ drainMs: 300 })).toEqual({ cut: 1 });
    await client.closed;
    await eventually(() => expect(backend.requests[0]?.outcome).toBe('aborted'));
    expect((await plane.report()).ledger.at(-1)).toMatchObject({ accepted: 1, cut: 1, inFlight: 0 });
  });

  test('fails no request of clients that heed it', async () => {
    const backend = await startBackend('v1');
    const { plane, port } = await startEnding(backend);
    const failures: unknown[] = [];
    let answered = 0;
    const client = async (session: Session) => {
      while (!session.session.closed && !session.session.destroyed) {
        await session.request({ path: '/slow?ms=10' }).then(
          () => (answered += 1),
          // What was not taken may be sent again, as the client was told.
          (error: unknown) => isSafe(error) || failures.push(error),
        );
      }
    };
    const clients = Array.from({ length: 4 }, () => startSession(port)).flatMap((session) =>
      Array.from({ length: 8 }, () => client(session)),
    );
    await eventually(() => expect(answered).toBeGreaterThan(100), 20_000);
    expect(await plane.close({ drainMs: 10_000, idleGraceMs: 300 })).toEqual({ cut: 0 });
    await Promise.all(clients);
    expect(failures).toEqual([]);
    expect(backend.requests.filter(({ outcome }) => outcome !== 'answered')).toEqual([]);
  });
});
