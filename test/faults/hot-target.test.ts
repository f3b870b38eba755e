/**
 * A target that everybody wants at once. No more reach it than it takes, the others wait in line or are told to come
 * again, and neither who waits nor who is turned away is felt by the other targets.
 */
import { describe, expect, test } from 'vitest';

import type { Backend } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import type { ClientRequest } from '../helpers/http-client.ts';
import { startClient } from '../helpers/start-client.ts';
import { type BrokenWorld, expectAccount, failuresFor, outcomesOf, send, startBroken } from './broken-world.ts';
import { pause } from './pause.ts';

/** Of one target. */
const IN_FLIGHT = 8;
const QUEUE = 300;
const PATIENCE_MS = 20_000;

describe('five hundred requests of one session', () => {
  const REQUESTS = 500;

  test('reach its target a few at a time; the line is as long as it may be, and all others are told so', async () => {
    const world = await startHot({
      limits: { inFlightPerTarget: IN_FLIGHT, queue: QUEUE },
      timeouts: { queue: '60s' },
    });
    const { home, cookie } = await startSession(world);
    const sent = Array.from({ length: REQUESTS }, (_, index) => send(world, held(index, cookie)));
    const refused = REQUESTS - IN_FLIGHT - QUEUE;
    await eventually(async () => expect(await failuresFor(world, 'queue_full')).toBe(refused), PATIENCE_MS);
    expect([home.held, await waitingIn(world)]).toEqual([IN_FLIGHT, QUEUE]);
    // Others are served meanwhile, at the other targets.
    for (let count = 0; count < 10; count += 1) expect((await send(world)).entry.version).toBe('old');

    let most = 0;
    const releasing = releaseAll([home], () => (most = Math.max(most, home.held)));
    await Promise.all(sent);
    await releasing.stop();
    expect(most).toBe(IN_FLIGHT);
    expect(outcomesOf(world)).toEqual({ old: 1 + IN_FLIGHT + QUEUE + 10, 'status 503': refused });
    // But for the others, all of them were at the target of their session, once.
    expect(home.requests.length).toBe(1 + IN_FLIGHT + QUEUE);
    await expectAccount(world);
  });

  test('whose target dies under them cost it what it held, and the others move on to other targets', async () => {
    const world = await startHot({
      limits: { inFlightPerTarget: IN_FLIGHT, queue: QUEUE },
      timeouts: { queue: '60s' },
    });
    const { home, cookie } = await startSession(world);
    // What it held is lost with it: POST may not be sent twice.
    const sent = Array.from({ length: 100 }, () => send(world, held(1, cookie)));
    await eventually(async () => expect(await waitingIn(world)).toBe(100 - IN_FLIGHT), PATIENCE_MS);
    const fault = world.faults[world.backends.indexOf(home)];
    await fault?.refuse();
    fault?.resetAll();
    const releasing = releaseAll(world.backends);
    await Promise.all(sent);
    await releasing.stop();
    expect(outcomesOf(world)).toEqual({ old: 1 + 100 - IN_FLIGHT, 'status 502': IN_FLIGHT });
    expect(home.requests.length).toBe(1 + IN_FLIGHT);
    await expectAccount(world);
  });
});

test('whoever goes while it waits in line, or waits too long, never reaches the target', async () => {
  const world = await startBroken({ service: { limits: { inFlightPerTarget: 1 }, timeouts: { queue: '1s' } } });
  const [target] = world.backends;
  const first = send(world, { path: '/hold' });
  await eventually(() => expect(target?.held).toBe(1));
  const leaving = await Promise.all(Array.from({ length: 5 }, () => startClient(world.proxy.port)));
  const gone = leaving.map((client) => send(world, { method: 'POST', path: '/upload', body: 'a' }, client));
  const waiting = ['GET', 'POST'].map((method) => send(world, { method, path: '/slow?ms=1' }));
  await eventually(async () => expect(await waitingIn(world)).toBe(gone.length + waiting.length));
  leaving.forEach((client, index) => (index % 2 === 0 ? client.close() : client.reset()));
  await eventually(async () => expect(await waitingIn(world)).toBeLessThanOrEqual(waiting.length));
  for (const { entry } of await Promise.all(gone)) expect(entry.version).toBe(null);
  for (const { entry } of await Promise.all(waiting)) expect(entry.failure).toBe('status 503');
  expect(await failuresFor(world, 'queue_timeout')).toBe(waiting.length);
  expect(target?.requests.length).toBe(1);
  target?.release();
  expect((await first).entry.version).toBe('old');
  await expectAccount(world);
});

type HotService = NonNullable<Parameters<typeof startBroken>[0]>['service'];

function startHot(service: HotService): Promise<BrokenWorld> {
  return startBroken({ targets: 3, service: { sticky: { cookie: 'session' }, ...service } });
}

/** A session, and the target that it is bound to. */
async function startSession(world: BrokenWorld): Promise<{ readonly home: Backend; readonly cookie: string }> {
  const { response } = await send(world);
  const home = world.backends.find(({ requests }) => requests.length === 1);
  if (home === undefined) throw new Error('no target had the first request of the session');
  return { home, cookie: (response?.field('set-cookie') ?? '').split(';')[0] ?? '' };
}

function held(index: number, cookie: string): ClientRequest {
  return { method: index % 2 === 0 ? 'GET' : 'POST', path: '/hold', fields: [['Cookie', cookie]] };
}

function waitingIn({ proxy }: BrokenWorld): Promise<number> {
  return proxy.admin.metric('cutover_requests_waiting', { service: 'app', pool: 'old' });
}

/** Lets whatever is held go, again and again, until it is stopped. */
function releaseAll(backends: readonly Backend[], look: () => void = () => {}): { stop(): Promise<void> } {
  let isStopped = false;
  const releasing = (async () => {
    while (!isStopped) {
      look();
      for (const backend of backends) backend.release();
      await pause(2);
    }
  })();
  return {
    stop: () => {
      isStopped = true;
      return releasing;
    },
  };
}
