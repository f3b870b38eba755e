/**
 * Targets that are not there, that do not answer, or that break off: what a client gets is a whole answer of another
 * target, an answer of the proxy that says what happened, or a connection that is visibly broken; and each request
 * is in the account once.
 */
import { describe, expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { RequestLedger } from '../helpers/request-ledger.ts';
import { startClient } from '../helpers/start-client.ts';
import { expectAccount, failuresFor, outcomesOf, send, startBroken } from './broken-world.ts';
import { startDeafListener } from './deaf-listener.ts';
import { SteadyLoad } from './steady-load.ts';

describe('a target that refuses connections', () => {
  test('costs nobody an answer where there are others', async () => {
    const ledger = new RequestLedger();
    const world = await startBroken({ targets: 3, ledger, service: { upstream: { idleConnections: 0 } } });
    const load = new SteadyLoad({ port: world.proxy.port, clients: 10, ratePerSecond: 200, ledger });
    await eventually(() => expect(load.requests.length).toBeGreaterThan(50), 15_000);
    await world.faults[1]?.refuse();
    const retries = () => world.proxy.admin.metric('cutover_retries_total', { reason: 'connect' });
    await eventually(async () => expect(await retries()).toBeGreaterThan(50), 15_000);
    await load.stop();
    expect(outcomesOf(world)).toEqual({ old: ledger.entries.size });
    await expectAccount(world);
  });

  test('is a 502 at once where all of them do, and no connection of a client breaks for it', async () => {
    const world = await startBroken({ targets: 2 });
    for (const fault of world.faults) await fault.refuse();
    const client = await startClient(world.proxy.port);
    for (const method of ['GET', 'POST', 'GET']) await send(world, { method }, client);
    expect(outcomesOf(world)).toEqual({ 'status 502': 3 });
    expect(client.closed).toBe(null);
    expect(await failuresFor(world, 'connect_refused')).toBe(3);
    await expectAccount(world);
  });
});

describe('a target to which no connection is made', () => {
  const CONNECT_MS = 200;
  const service = { timeouts: { connect: `${CONNECT_MS}ms` }, upstream: { idleConnections: 0 } };

  test('costs its time, and then another one answers', async () => {
    const world = await startBroken({ morePorts: [await startDeafListener()], service });
    await Promise.all(['GET', 'POST', 'GET', 'POST'].map((method) => send(world, { method })));
    expect(outcomesOf(world)).toEqual({ old: 4 });
    expect(await world.proxy.admin.metric('cutover_retries_total', { reason: 'connect' })).toBe(2);
    await expectAccount(world);
  });

  test('is a 504 where there is no other', async () => {
    const world = await startBroken({ targets: 0, morePorts: [await startDeafListener()], service });
    await Promise.all(['GET', 'POST'].map((method) => send(world, { method })));
    expect(outcomesOf(world)).toEqual({ 'status 504': 2 });
    expect(await failuresFor(world, 'connect_timeout')).toBe(2);
    await expectAccount(world);
  });
});

describe('a connection that is reset before the head of an answer', () => {
  test('is a 502 on a new connection, whatever the method: nobody knows what became of it', async () => {
    const world = await startBroken();
    for (const method of ['GET', 'POST', 'PUT']) {
      // Each finds a connection of its own: the one before is gone.
      faultOf(world).manner = { response: { passes: 0, ending: 'reset' } };
      await send(world, { method });
    }
    expect(outcomesOf(world)).toEqual({ 'status 502': 3 });
    expect(world.backends[0]?.requests.length).toBe(3);
    expect(await failuresFor(world, 'upstream_reset')).toBe(3);
    await expectAccount(world);
  });

  test('is made up for on a kept connection where the request may be sent twice, and is a 502 where not', async () => {
    const world = await startBroken();
    for (const method of ['GET', 'POST', 'DELETE', 'PATCH']) {
      faultOf(world).manner = {};
      await send(world);
      const doomed = faultOf(world).connectionsTotal;
      faultOf(world).manner = (connection) =>
        connection === doomed ? { response: { passes: 0, ending: 'reset' } } : {};
      await send(world, { method });
    }
    expect(outcomesOf(world)).toEqual({ old: 6, 'status 502': 2 });
    expect(await world.proxy.admin.metric('cutover_retries_total', { reason: 'reused-connection' })).toBe(2);
    await expectAccount(world);
  });
});

describe('a connection that breaks inside of the head of an answer', () => {
  test.each(['reset', 'end'] as const)('by %s is a 502, and nothing of that head is passed on', async (ending) => {
    const world = await startBroken();
    faultOf(world).manner = { response: { passes: 40, ending } };
    for (const method of ['GET', 'POST', 'HEAD']) {
      const { response } = await send(world, { method });
      expect(response).toBe(null);
    }
    expect(outcomesOf(world)).toEqual({ 'status 502': 3 });
    await expectAccount(world);
  });
});

describe('a connection that breaks inside of the body of an answer', () => {
  test.each([
    ['reset', '/download?bytes=60000'],
    ['end', '/download?bytes=60000'],
    ['reset', '/download?bytes=60000&chunked=1'],
    ['end', '/download?bytes=60000&chunked=1'],
    ['reset', '/download?bytes=60000&until-close=1'],
  ] as const)("by %s breaks the client's, for %s", async (ending, path) => {
    const world = await startBroken();
    faultOf(world).manner = { response: { passes: 30_000, ending } };
    const { entry } = await send(world, { path });
    expect(entry.failure).toMatch(/^connection ended/);
    expect(await failuresFor(world, 'upstream_truncated')).toBe(1);
    await expectAccount(world);
  });
});

describe('a target that says nothing', () => {
  test('at all: 504 in time, and its connection is ended and its place given back', async () => {
    const world = await startBroken({ service: { timeouts: { responseHead: '300ms' } } });
    await Promise.all(['GET', 'POST'].map((method) => send(world, { method, path: '/hold' })));
    expect(outcomesOf(world)).toEqual({ 'status 504': 2 });
    expect(await failuresFor(world, 'response_timeout')).toBe(2);
    await eventually(() => expect(faultOf(world).connectionsOpen).toBe(0));
    expect(world.backends[0]?.requests.map(({ outcome }) => outcome)).toEqual(['aborted', 'aborted']);
    await expectAccount(world);
  });

  test('any more in the middle of a body: the connection breaks in time; one that trickles on goes on', async () => {
    const world = await startBroken({ service: { timeouts: { responseBodyIdle: '2s' } } });
    const trickling = send(world, { path: '/download?bytes=40&piece=2&gap=150&chunked=1' });
    await eventually(() => expect(world.backends[0]?.requests.length).toBe(1));
    const silenced = faultOf(world).connectionsTotal + 1;
    faultOf(world).manner = (connection) =>
      connection === silenced ? { response: { passes: 30_000, ending: 'silence' } } : {};
    const { entry } = await send(world, { path: '/download?bytes=60000' });
    expect(entry.failure).toMatch(/^connection ended/);
    expect((await trickling).entry).toMatchObject({ version: 'old', truncated: false });
    expect(await failuresFor(world, 'upstream_stalled')).toBe(1);
    await expectAccount(world);
  });

  test('and takes nothing: an upload ends with 504 in time', async () => {
    const world = await startBroken({ service: { timeouts: { requestBodyIdle: '500ms' } } });
    faultOf(world).manner = { request: { passes: 10_000, ending: 'stop-reading' } };
    const { entry } = await send(world, { method: 'POST', path: '/upload', body: Buffer.alloc(30_000_000) });
    expect(entry.failure).toBe('status 504');
    expect(await failuresFor(world, 'upstream_stalled')).toBe(1);
    faultOf(world).resetAll();
    await expectAccount(world);
  });
});

/** Of the only target. */
function faultOf(world: Awaited<ReturnType<typeof startBroken>>) {
  const [fault] = world.faults;
  if (fault === undefined) throw new Error('a world without a target has no fault proxy');
  return fault;
}
